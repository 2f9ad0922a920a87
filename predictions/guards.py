"""Triggers that keep what was read and signed as it was, on SQLite and PostgreSQL.

A prediction, its explanation, a review and a signature are written once. A correction is a new row: the
next review, the next signature. Put back after every migration, because SQLite loses the triggers of a
table that it remakes.
"""

from __future__ import annotations

from clinic.audit.triggers import WriteOnce

GUARDS = WriteOnce(
    label="predictions",
    tables=(
        "predictions_prediction",
        "predictions_explanation",
        "predictions_firstread",
        "predictions_readingreport",
        "predictions_review",
        "predictions_signature",
        "predictions_amendment",
        "predictions_bloodloss",
    ),
    refusal="written once: a correction is a new version",
)

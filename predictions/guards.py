"""Triggers that keep what was read and signed as it was, on SQLite and PostgreSQL.

A prediction, its explanation, a review, a keystroke of a scorer, a signature and a confirmed mapping of
channels are written once. A correction is a new row: the next review, the next event, the next signature.
A scoring is closed and opened again, but never deleted. Put back after every migration, because SQLite
loses the triggers of a table that it remakes.
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
        "predictions_scoringevent",
        "predictions_reportedhypnogram",
        "predictions_channelmapping",
    ),
    refusal="written once: a correction is a new version",
)

KEPT = WriteOnce(
    label="predictions_kept",
    tables=("predictions_scoring",),
    refusal="kept: a scoring is closed, not deleted",
    verbs=("DELETE",),
)

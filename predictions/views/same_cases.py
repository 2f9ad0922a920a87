"""Several models of one algorithm on the same cases, for the model page: written numbers and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from clinic.templatetags.vigie import figure, percent, signed
from ml import comparisons
from predictions.views.comparison import VERDICTS

Stored = Mapping[str, Any]

# Name of the figure, heading, whether it is a share shown in percent.
COLUMNS = (
    ("kappa", _("Cohen’s κ"), False),
    ("accuracy", _("accuracy (%)"), True),
    ("macro_f1", _("mean F1 of the stages"), False),
    ("recall_W", _("W found (%)"), True),
    ("recall_N1", _("N1 found (%)"), True),
    ("recall_N2", _("N2 found (%)"), True),
    ("recall_N3", _("N3 found (%)"), True),
    ("recall_R", _("R found (%)"), True),
)


def shown(algorithm: str) -> dict[str, Any] | None:
    """Return the published tables of an algorithm's models, or ``None`` when there are none."""
    stored = comparisons.of_models(algorithm)
    if stored is None:
        return None
    return {"command": stored["command"], "tables": [_table(table) for table in stored["tables"]]}


def _table(stored: Stored) -> dict[str, Any]:
    columns = [column for column in COLUMNS if any(column[0] in row["figures"] for row in stored["rows"])]
    return {
        "stored": stored,
        "scored": ", ".join(f"{stage} {n}" for stage, n in stored["scored"].items()),
        # Its name, the figures, the difference and the looks.
        "columns": len(columns) + 3,
        "headings": [heading for _name, heading, _share in columns],
        "rows": [
            {
                "label": row["label"],
                "version": row["version"],
                "learned": row["learned"],
                "cells": [_cell(row["figures"].get(name), share) for name, _heading, share in columns],
                "difference": _difference(row["kappa_difference"]),
                "looks": row["looks"],
            }
            for row in stored["rows"]
        ],
    }


def _cell(found: Stored | None, share: bool) -> dict[str, str]:
    if found is None:
        return {"value": "–", "range": ""}
    written = [percent(found[end], 0) if share else figure(found[end], 2) for end in ("value", "low", "high")]
    return {"value": written[0], "range": _("%(low)s to %(high)s") % {"low": written[1], "high": written[2]}}


def _difference(found: Stored | None) -> dict[str, str]:
    if found is None:
        return {"value": _("reference"), "range": "", "verdict": ""}
    verdict = "better" if found["low"] > 0 else "worse" if found["high"] < 0 else "undecided"
    shape, word = VERDICTS[verdict]
    value, low, high = (signed(found[end], 2) for end in ("value", "low", "high"))
    return {
        "value": value,
        "range": _("%(low)s to %(high)s") % {"low": low, "high": high},
        "verdict": verdict,
        "shape": shape,
        "word": word,
    }

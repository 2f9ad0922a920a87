"""The recipes of a model side by side, for the steward: raw beside recalibrated, differences in words.

Those of the serving package, and those of the algorithm's bench with how each network learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from clinic.rules import under
from clinic.templatetags.vigie import figure, percent, signed
from ml import comparisons, drawing, package, registry
from ml.contracts import Text
from ml.package import BrokenPackage, Package
from predictions import access

MORE, LESS = 1, -1
MOST_DECIMALS = 4
RARE = 0.1
"""Figures that all lie below this get one decimal more."""

Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of a table.

    Parameters
    ----------
    factor
        What it is multiplied with to be shown: 100 for percent.
    better
        Whether more or less of it is better; 0 where it is neither, and the table is not sorted by it.
    decimals
        The same in every table, as the cards write it; ``None``: as many as its intervals deserve.
    """

    name: str
    heading: Promise
    factor: int = 1
    better: int = 0
    decimals: int | None = None


PROBABILITIES = (
    Column("roc_auc", _("AUC (ROC)"), better=MORE, decimals=3),
    Column("pr_auc", _("AUC (PR)"), better=MORE, decimals=3),
    Column("precision_at_recall", _("precision (%) at sensitivity %(recall)s"), 100, MORE),
    Column("brier", _("Brier score"), better=LESS, decimals=3),
    Column("calibration_slope", _("calibration slope"), decimals=2),
    Column("calibration_intercept", _("calibration in the large"), decimals=2),
)
DECISIONS = (
    Column("recall", _("sensitivity (%)"), 100, MORE),
    Column("precision", _("positive predictive value (%)"), 100, MORE),
    Column("specificity", _("specificity (%)"), 100, MORE),
    Column("npv", _("negative predictive value (%)"), 100, MORE),
    Column("f1", _("F1 score"), better=MORE, decimals=3),
    Column("accuracy", _("accuracy (%)"), 100, MORE),
    Column("flagged_rate", _("flagged (%)"), 100),
)
WORTH = (
    Column("net_benefit", _("net benefit per 100 cases"), 100, MORE),
    Column("cost", _("cost per case"), better=LESS),
    Column("saving", _("saving per case against flagging nobody"), better=MORE),
    Column("profit", _("profit per case"), better=MORE),
    Column("acceptance_rate", _("accepted (%)"), 100),
    Column("probability_shift", _("shift of a probability between refits (%)"), 100, LESS),
    Column("decision_flips", _("decisions that change between refits (%)"), 100, LESS),
)
COLUMNS = {column.name: column for column in (*PROBABILITIES, *DECISIONS, *WORTH)}

STAGES = {"candidates": _("Candidates"), "challengers": _("Challengers of the chosen candidate")}
VALIDATIONS = ("shifted", "plain")
"""In the order shown: what was chosen by, first."""
VERDICTS = {
    "better": ("↑", _("better")),
    "worse": ("↓", _("worse")),
    "undecided": ("–", _("undecided")),
}


@under(access.STEWARDS)
@require_safe
def comparison(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Show every comparison of the serving package and of the bench; for the steward only."""
    if algorithm not in registry.names():
        raise Http404
    sort = request.GET.get("sort", "")
    published = comparisons.of_bench(algorithm)
    context = {
        "contract": registry.contract(algorithm),
        "comparisons": [_shown(stored, sort) for stored in comparisons.of_package(_package(algorithm))],
        "bench": _bench(published, sort) if published else None,
        "sort": sort,
    }
    return render(request, "models/comparison.html", context)


def _package(algorithm: str) -> Package | None:
    try:
        return package.load(algorithm)
    except BrokenPackage:
        return None


def _bench(published: Stored, sort: str) -> dict[str, Any]:
    """Return what a bench published: why the winner won, how each network learned, then the tables."""
    runs = published["bench"]["runs"]
    return {
        "sentences": published["bench"]["sentences"],
        "stages": [
            {"heading": heading, "runs": [_run(run) for run in runs if run["stage"] == stage]}
            for stage, heading in STAGES.items()
            if any(run["stage"] == stage for run in runs)
        ],
        "comparisons": [_shown(stored, sort) for stored in published["comparisons"]],
    }


def _run(run: Stored) -> dict[str, Any]:
    svg, caption = drawing.losses(run["curves"], get_language() or "en", run["name"])
    return {
        "label": run["label"],
        "winner": run["winner"],
        "svg": mark_safe(svg),  # noqa: S308 (every text in it is escaped)
        "caption": caption,
        "confusion": [_matrix(run["confusion"][validation]) for validation in VALIDATIONS],
    }


def _matrix(found: Stored) -> list[dict[str, str]]:
    """Return a confusion matrix, each count with its share of those who truly are so."""
    total = {"tp": found["tp"] + found["fn"], "fn": found["tp"] + found["fn"]}
    total |= {"fp": found["fp"] + found["tn"], "tn": found["fp"] + found["tn"]}
    return [
        {"count": str(found[name]), "share": _percent(found[name] / total[name]) if total[name] else ""}
        for name in ("tp", "fn", "fp", "tn")
    ]


def _shown(stored: Stored, sort: str) -> dict[str, Any]:
    """Return a comparison in words and written numbers."""
    rows = _sorted(stored["rows"], sort)
    reference = next(row for row in rows if row["name"] == stored["reference"])
    null = reference["calibrated"]["brier_null"]["value"]
    recall = figure(stored["recall"], 2)
    tables = [_table(columns, rows, recall, sort) for columns in (PROBABILITIES, DECISIONS, WORTH)]
    return {
        "stored": stored,
        "share": _percent(stored["events"] / stored["n"]),
        "threshold": _percent(stored["threshold"]),
        "null": figure(null, 3 if null >= RARE else MOST_DECIMALS),
        "recalibrated_well": all(_no_worse_than_null(row) for row in rows),
        "reference": _words(reference["label"]),
        "probabilities": tables[0],
        "decisions": tables[1],
        "worth": tables[2],
        "differences": _differences(rows, recall),
        "better": "; ".join(_words(row["label"]) for row in rows if _any_better(row)),
    }


def _no_worse_than_null(row: Stored) -> bool:
    return row["calibrated"]["brier"]["value"] <= row["calibrated"]["brier_null"]["value"]


def _any_better(row: Stored) -> bool:
    return any(found["verdict"] == "better" for found in row["differences"].values())


def _sorted(rows: Sequence[Stored], sort: str) -> list[Stored]:
    """Return the recipes with the best recalibrated figure first; as stored without a known figure."""
    column = COLUMNS.get(sort)
    if column is None or not column.better:
        return list(rows)

    def rank(row: Stored) -> float:
        found = row["calibrated"].get(sort)
        return math.inf if found is None else -column.better * found["value"]

    return sorted(rows, key=rank)


def _table(columns: Iterable[Column], rows: Sequence[Stored], recall: str, sort: str) -> dict[str, Any]:
    kinds = ("raw", "calibrated")
    shown = [column for column in columns if any(column.name in row[kind] for row in rows for kind in kinds)]
    digits = {column.name: _digits(column, rows) for column in shown}
    return {
        "headings": [_heading(column, recall, sort) for column in shown],
        "width": 1 + len(shown),
        "groups": [
            {
                "label": row["label"],
                "raw": [_cell(row["raw"], column, digits) for column in shown],
                "calibrated": [_cell(row["calibrated"], column, digits) for column in shown],
            }
            for row in rows
        ],
    }


def _differences(rows: Sequence[Stored], recall: str) -> dict[str, Any]:
    shown = [column for column in COLUMNS.values() if any(column.name in row["differences"] for row in rows)]
    digits = {column.name: _digits(column, rows) for column in shown}
    return {
        "headings": [_heading(column, recall, "") for column in shown],
        "groups": [
            {
                "label": row["label"],
                "cells": [_difference(row["differences"], column, digits) for column in shown],
            }
            for row in rows
            if row["differences"]
        ],
    }


def _heading(column: Column, recall: str, sort: str) -> dict[str, Any]:
    order = {MORE: "descending", LESS: "ascending"}.get(column.better, "")
    return {
        "name": column.name,
        "words": str(column.heading).replace("%(recall)s", recall),
        "sortable": bool(order),
        "order": order if sort == column.name else "",
        "arrow": "↑" if column.better == LESS else "↓",
    }


def _digits(column: Column, rows: Sequence[Stored]) -> int:
    """Return how many decimals a column gets: its own, or two that matter in its narrowest interval."""
    kinds = ("raw", "calibrated")
    found = [row[kind][column.name] for row in rows for kind in kinds if column.name in row[kind]]
    if column.decimals is not None:
        return column.decimals + all(abs(one["value"]) < RARE for one in found)
    widths = [column.factor * (one["high"] - one["low"]) for one in found if one["low"] is not None]
    narrowest = min((width for width in widths if width > 0), default=1.0)
    return min(MOST_DECIMALS, max(0, math.ceil(-math.log10(narrowest)) + 1))


def _cell(figures: Stored, column: Column, digits: Mapping[str, int]) -> dict[str, str]:
    found = figures.get(column.name)
    if found is None:
        return {"value": "–", "range": ""}
    value, low, high = (found[end] for end in ("value", "low", "high"))
    decimals = digits[column.name]
    ends = "" if low is None else _between(low * column.factor, high * column.factor, decimals)
    return {"value": _number(value * column.factor, decimals), "range": ends}


def _difference(found: Stored, column: Column, digits: Mapping[str, int]) -> dict[str, Any]:
    if column.name not in found:
        return {"value": "–", "range": "", "verdict": ""}
    one = found[column.name]
    decimals = _telling(digits[column.name], (column.factor * one[end] for end in ("low", "high")))
    shape, word = VERDICTS[one["verdict"]]
    low, high = (signed(one[end] * column.factor, decimals) for end in ("low", "high"))
    return {
        "value": signed(one["value"] * column.factor, decimals),
        "range": _("%(low)s to %(high)s") % {"low": low, "high": high},
        "verdict": one["verdict"],
        "shape": shape,
        "word": word,
    }


def _telling(decimals: int, bounds: Iterable[float]) -> int:
    """Return as many decimals as show on which side of zero the bounds are."""
    smallest = min(map(abs, bounds))
    while smallest and not round(smallest, decimals) and decimals <= MOST_DECIMALS:
        decimals += 1
    return decimals


def _percent(share: float) -> str:
    return f"{percent(share, 1)}\u00a0%"


def _between(low: float, high: float, decimals: int) -> str:
    return _("%(low)s to %(high)s") % {"low": _number(low, decimals), "high": _number(high, decimals)}


def _number(value: float, decimals: int) -> str:
    """Write a number with the minus sign, never the hyphen; no sign for what rounds to zero."""
    return signed(value, decimals) if round(value, decimals) < 0 else figure(abs(value), decimals)


def _words(label: Stored) -> str:
    return Text.from_json(label).to(get_language() or "en")

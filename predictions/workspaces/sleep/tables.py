"""The statistics of a night as shown: each with its formula, and both definitions where two exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from ml.algorithms.sleep.formulas import FORMULAS, Formula

STAGE_NAMES = {"W": _("Wake"), "N1": "N1", "N2": "N2", "N3": "N3", "R": _("REM sleep")}


def statistics(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row per statistic; those that an older result did not compute are left out.

    Returns
    -------
    list of dict
        ``key``, ``label``, ``value``, ``kind``, ``formula``, ``source`` (texts in both languages) and
        ``others``: ``key``, ``value``, ``formula``, ``source`` of each other definition.
    """
    return [_row(formula, found) for formula in FORMULAS if formula.key in found]


def _row(formula: Formula, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": formula.key,
        "label": formula.label,
        "value": found[formula.key],
        "kind": formula.kind,
        "formula": formula.formula,
        "source": formula.source,
        "others": [
            {"key": other.key, "value": found[other.key], "formula": other.formula, "source": other.source}
            for other in formula.others
            if other.key in found
        ],
    }


def stages(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return minutes and share of total sleep time per stage; wake has no share."""
    return [
        {
            "stage": stage,
            "name": name,
            "minutes": found["wake" if stage == "W" else stage.lower()],
            "percent": found.get(f"{stage.lower()}_percent"),
            "percent_of_spt": found.get(f"{stage.lower()}_percent_of_spt"),
        }
        for stage, name in STAGE_NAMES.items()
    ]

"""The statistics of a night as shown: each with its formula, and both definitions where two exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

# label, key, kind, formula; and the other usage where there is one: key, formula
STATISTICS = (
    (_("Recording time (TRT)"), "trt", "time", _("lights on − lights off"), "", ""),
    (_("Total sleep time (TST)"), "tst", "time", "N1 + N2 + N3 + R", "", ""),
    (_("Sleep efficiency (SE)"), "se", "percent", "100 · TST / TRT", "", ""),
    (_("Sleep maintenance (SME)"), "sme", "percent", "100 · TST / SPT", "", ""),
    (_("Sleep onset latency (SOL)"), "sol", "minutes", _("first sleep − lights off"), "", ""),
    (_("Sleep period (SPT)"), "spt", "time", _("first to last sleep"), "", ""),
    (
        _("Wake after sleep onset (WASO)"),
        "waso",
        "minutes",
        _("AASM: TRT − SOL − TST"),
        "wake_in_sleep_period",
        _("wake inside the sleep period"),
    ),
    (
        _("REM latency"),
        "rem_latency",
        "minutes",
        _("AASM: first R − first sleep"),
        "rem_latency_from_lights_off",
        _("first R − lights off"),
    ),
    (_("Awakenings"), "awakenings", "count", _("runs of W inside the sleep period"), "", ""),
    (_("Stage shifts"), "stage_shifts", "count", _("changes from one epoch to the next"), "", ""),
)
STAGE_NAMES = {"W": _("Wake"), "N1": "N1", "N2": "N2", "N3": "N3", "R": _("REM sleep")}


def statistics(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row per statistic."""
    return [
        {
            "label": label,
            "value": found[key],
            "kind": kind,
            "formula": formula,
            "other": found[other] if other else None,
            "has_other": bool(other),
            "other_formula": other_formula,
        }
        for label, key, kind, formula, other, other_formula in STATISTICS
    ]


def stages(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return minutes and share of total sleep time per stage; wake has no share."""
    return [
        {
            "stage": stage,
            "name": name,
            "minutes": found["wake" if stage == "W" else stage.lower()],
            "percent": found.get(f"{stage.lower()}_percent"),
        }
        for stage, name in STAGE_NAMES.items()
    ]

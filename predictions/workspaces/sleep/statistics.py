"""The statistics of a night as scored: computed again from stages, lights, marks and the falls of oxygen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.sleep.statistics import odi, statistics
from predictions.workspaces.sleep.fold import Night

DROPS = (3, 4)


def of(night: Night, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statistics between lights off and lights on.

    Parameters
    ----------
    result
        Of the prediction. The falls of saturation do not change with the stages; how many of them lie in
        sleep, and per how many hours of it, does.

    Returns
    -------
    dict
        What :func:`ml.algorithms.sleep.statistics.statistics` returns, and ``odi3`` and ``odi4`` as
        :func:`ml.algorithms.sleep.statistics.odi` does, ``None`` without an oximeter that could be read.
    """
    lights = {"lights_off": night.lights_off, "lights_on": night.lights_on}
    arousals = [mark["onset_s"] for mark in night.arousals]
    oxygen = result.get("oxygen") or {}
    usable = bool(oxygen) and (oxygen.get("gate") or {}).get("usable", True)
    found: dict[str, Any] = statistics(night.stages, arousals=arousals, **lights)
    for drop in DROPS:
        falls = oxygen.get("events", ())
        found[f"odi{drop}"] = odi(falls, night.stages, drop=drop, **lights) if usable else None
    return found

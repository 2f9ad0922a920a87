"""The statistics of a night as scored: computed again from stages, lights and marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.sleep.statistics import statistics
from predictions.workspaces.sleep.fold import Night


def of(night: Night, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statistics between lights off and lights on.

    Parameters
    ----------
    result
        Of the prediction: what the recording says of oxygen does not change with the stages, its index per
        hour of sleep does.
    """
    return statistics(night.stages, lights_off=night.lights_off or 0.0, lights_on=night.lights_on)

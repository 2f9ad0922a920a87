"""What a worker found in a table and what came of a training, in the form the pages show."""

from __future__ import annotations

from typing import Any

from predictions.stewardship.models import Training


def report(training: Training) -> dict[str, Any] | None:
    """Return the data report of a training, ``None`` before there is one."""
    return training.report


def outcome(training: Training) -> dict[str, Any] | None:
    """Return the outcome of a training, ``None`` before there is one."""
    return training.outcome

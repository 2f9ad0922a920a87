"""When an alert opens and closes: not at the first window that stands out, nor at the first quiet one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

OPEN_AFTER, CLOSE_AFTER = 2, 2
MOVED, BACK = 0.10, 0.05
"""Population stability index beyond chance from which a field has moved, and below which it is back."""


class Level(StrEnum):
    """What one window says of one thing that is watched."""

    RAISED = "raised"
    BETWEEN = "between"
    QUIET = "quiet"
    UNKNOWN = "unknown"


class Change(StrEnum):
    """What an alert did at a window."""

    OPENED = "opened"
    CLOSED = "closed"
    NONE = ""


@dataclass(frozen=True, slots=True)
class State:
    """Where one alert stands.

    Parameters
    ----------
    streak
        Windows in a row that speak for the other state.
    """

    open: bool = False
    streak: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {"open": self.open, "streak": self.streak}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> State:
        """Rebuild a state stored by :meth:`as_json`."""
        return cls(bool(held["open"]), int(held["streak"]))


def step(
    state: State, level: Level, *, open_after: int = OPEN_AFTER, close_after: int = CLOSE_AFTER
) -> tuple[State, Change]:
    """Move on by one window.

    It opens after ``open_after`` raised windows in a row, and closes after ``close_after`` quiet ones. A
    window in between speaks for neither and ends a row; one with too few studies changes nothing.
    """
    if level is Level.UNKNOWN:
        return state, Change.NONE
    wanted, needed = (Level.QUIET, close_after) if state.open else (Level.RAISED, open_after)
    if level is not wanted:
        return State(state.open), Change.NONE
    if state.streak + 1 < needed:
        return State(state.open, state.streak + 1), Change.NONE
    return State(not state.open), Change.CLOSED if state.open else Change.OPENED

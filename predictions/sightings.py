"""For how long something has stayed as it is, by a clock that nobody can set.

The clock of the wall jumps: set by hand, by NTP, by a machine that wakes up. Whether a worker still renews
its lease is therefore never asked of a time in a row, but of two looks at the row: one process remembers
what it saw and when, by its own steady clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any


class Sightings:
    """What one process saw of some rows, and since when each has looked the same.

    Parameters
    ----------
    clock
        Seconds that only ever go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[Hashable, tuple[Any, float]] = {}

    def ages(self, present: Mapping[Any, Any]) -> dict[Any, float]:
        """Remember what is there now and forget the rest.

        Parameters
        ----------
        present
            What each row looks like, by its key.

        Returns
        -------
        dict
            For how many seconds each has been seen unchanged; 0 at the first sight.
        """
        now = self._clock()
        self._seen = {key: self._sighting(key, value, now) for key, value in present.items()}
        return {key: now - since for key, (_value, since) in self._seen.items()}

    def _sighting(self, key: Hashable, value: Any, now: float) -> tuple[Any, float]:
        known = self._seen.get(key)
        return known if known is not None and known[0] == value else (value, now)

"""A clock of the wall that a test can set, for a process of the product and for the test itself.

Every process of a ward adds what the file ``VIGIE_TEST_CLOCK`` holds to what it takes for the time of day.
Steady clocks are left alone, as they are by whoever sets the clock of a machine.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

NAME = "VIGIE_TEST_CLOCK"

_time, _now = time.time, timezone.now


def install() -> None:
    """Have this process live by the clock of the ward, if it has one."""
    if path := os.environ.get(NAME):
        time.time = lambda: _time() + offset(Path(path))
        timezone.now = lambda: _now() + timedelta(seconds=offset(Path(path)))


def uninstall() -> None:
    """Go back to the clock of the machine."""
    time.time, timezone.now = _time, _now


def offset(path: Path) -> float:
    """Return how many seconds the clock of the ward is ahead."""
    try:
        return float(path.read_text("ascii"))
    except (OSError, ValueError):
        return 0.0


def jump(path: Path, seconds: float) -> None:
    """Set the clock forward, or back."""
    ahead = offset(path) + seconds
    draft = path.with_suffix(".tmp")
    draft.write_text(str(ahead), "ascii")
    draft.replace(path)

"""What a pool child may take for one analysis, set by the child on itself before it opens the input."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ml.contracts import Limits

REMINDER_SECONDS = 5.0


class TooSlow(Exception):
    """The time of this analysis is over."""


@contextmanager
def within(limits: Limits) -> Iterator[None]:
    """Limit the address space and the time of this process for as long as the block runs.

    The memory limit counts from what is mapped now: libraries an earlier analysis loaded stay mapped, and
    their size says nothing of this input. Only the main thread of a process may call this.

    Raises
    ------
    TooSlow
        In the block, when its seconds are over; again every few seconds, for code that swallows it.
    MemoryError
        In the block, when an allocation does not fit.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    previous = signal.signal(signal.SIGALRM, _too_slow)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (_mapped_bytes() + limits.memory_bytes, before[1]))
        signal.setitimer(signal.ITIMER_REAL, limits.seconds, REMINDER_SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _too_slow(signum: int, frame: FrameType | None) -> None:
    raise TooSlow


def _mapped_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()

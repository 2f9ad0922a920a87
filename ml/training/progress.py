"""A progress bar on stderr: alive in a terminal, one line every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")
QUIET_SECONDS = 10.0


def progress(
    items: Iterable[T],
    description: str,
    *,
    total: int | None = None,
    unit: str = "",
    stream: TextIO | None = None,
    every: float = QUIET_SECONDS,
) -> Iterator[T]:
    """Yield ``items`` while showing how far they are.

    Parameters
    ----------
    description
        What is being done ("folds", "epochs of training").
    total
        Number of items, when ``items`` has no length.
    unit
        What one item is ("fold").
    stream
        Where to write; standard error by default, because standard output belongs to results.
    every
        Seconds between two lines when ``stream`` is not a terminal.
    """
    stream = stream or sys.stderr
    total = total if total is not None else getattr(items, "__len__", lambda: None)()
    if stream.isatty():
        yield from tqdm(items, desc=description, total=total, unit=unit or "it", file=stream, leave=False)
        return
    yield from _lines(items, description, total, stream, every)


def _lines(
    items: Iterable[T], description: str, total: int | None, stream: TextIO, every: float
) -> Iterator[T]:
    start = last = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - last >= every:
            of = f"/{total}" if total else ""
            print(f"{description}: {done}{of} after {now - start:.0f} s", file=stream, flush=True)
            last = now
        yield item

"""What a training tells while it runs: figures by epoch, fold or trial, to whoever listens, else to nobody.

Deep inside a training nothing knows of MLflow: it tells, and :mod:`ml.training.tracking` hears. Parts give
figures a dotted name: ``with part("fold_1"): tell("loss", 0.4, 3)`` is heard as ``fold_1.loss``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

Listener = Callable[[str, float, int], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_part: ContextVar[str] = ContextVar("part", default="")


def tell(name: str, value: float, step: int) -> None:
    """Tell a figure of one epoch, fold or trial."""
    listener = _listener.get()
    if listener is not None:
        listener(f"{_part.get()}{name}", float(value), step)


@contextmanager
def part(name: str) -> Iterator[None]:
    """Put ``name`` and a dot before every figure told in the block."""
    before = _part.set(f"{_part.get()}{name}.")
    try:
        yield
    finally:
        _part.reset(before)


@contextmanager
def heard_by(listener: Listener | None) -> Iterator[None]:
    """Let ``listener`` hear what is told in the block, in place of whoever did; ``None`` for nobody."""
    before, prefix = _listener.set(listener), _part.set("")
    try:
        yield
    finally:
        _listener.reset(before)
        _part.reset(prefix)


def unheard() -> AbstractContextManager[None]:
    """Return a block whose figures nobody hears: folds within folds, of which there are too many."""
    return heard_by(None)

"""Which versions answer studies beside the one in service: whoever looks at that one has to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ml.contracts import Text


@dataclass(frozen=True, slots=True)
class Beside:
    """A version that answers studies beside the one in service.

    Parameters
    ----------
    said
        Which one answers whom.
    ends
        Whether it ends when another version is put into service.
    """

    version: str
    said: Text
    ends: bool


Source = Callable[[str], Iterable[Beside]]

_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source, ``source(algorithm)``; called from ``AppConfig.ready``."""
    _sources.append(source)


def of(algorithm: str) -> list[Beside]:
    """Return what answers studies of an algorithm beside its version in service."""
    return [found for source in _sources for found in source(algorithm)]

"""Inputs that nobody ever sent, for sending through the product to see that it answers, and how fast.

Each algorithm makes its own (``invented.MAKERS`` in its folder), from a seed, and says of what: the
stages of a night, the answers of a form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from ml.contracts import Source
from ml.registry import ALGORITHMS, UnknownAlgorithm


@dataclass(frozen=True, slots=True)
class Invented:
    """One invented input.

    Parameters
    ----------
    source
        As the algorithm takes it; a file lies in the folder it was made in.
    made
        What it was made of, ready for JSON.
    """

    source: Source
    made: Mapping[str, Any] = field(default_factory=dict)


Maker = Callable[[Path, int], Invented]


def make(algorithm: str, name: str, folder: Path, seed: int) -> Invented:
    """Make an input of an algorithm.

    Parameters
    ----------
    name
        One of :func:`names`.
    folder
        Where a file may be written.
    seed
        The same seed makes the same input (an admission always as of now).

    Raises
    ------
    ml.registry.UnknownAlgorithm
        When there is no such algorithm.
    KeyError
        When it makes no such input.
    """
    return _makers(algorithm)[name](folder, seed)


def names(algorithm: str) -> tuple[str, ...]:
    """Return the names of what an algorithm can make up."""
    return tuple(_makers(algorithm))


def of_rows(rows: tuple[Mapping[str, Any], ...]) -> Maker:
    """Return what makes the forms of ``rows``, one after the other by their seed."""

    def maker(folder: Path, seed: int) -> Invented:
        values = dict(rows[seed % len(rows)])
        return Invented(Source(values=values), {"values": values})

    return maker


def _makers(algorithm: str) -> Mapping[str, Maker]:
    if algorithm not in ALGORITHMS:
        raise UnknownAlgorithm(algorithm)
    return import_module(f"{ALGORITHMS[algorithm]}.invented").MAKERS

"""Where two answers differ: every place by its JSON path, with both values."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from typing import Any

ABSENT = "(absent)"
# How much of a long value is written, and how much of that stands before the place where two part.
LONGEST, BEFORE = 120, 30
NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where what was computed again is not what was stored."""

    path: str
    stored: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two figures may be apart and count as the same; nothing by default.

    Parameters
    ----------
    relative, absolute
        As for :func:`math.isclose`; whole numbers are counts and always have to agree.
    last
        Units of the last written digit that a number within a sentence may be off.
    """

    relative: float = 0.0
    absolute: float = 0.0
    last: int = 0

    def covers(self, stored: float, replayed: float) -> bool:
        """Whether two figures count as the same."""
        return math.isclose(stored, replayed, rel_tol=self.relative, abs_tol=self.absolute)

    def covers_words(self, stored: str, replayed: str) -> bool:
        """Whether two sentences have the same words, and numbers no further apart than is allowed."""
        if NUMBER.split(stored) != NUMBER.split(replayed):
            return False
        pairs = zip(NUMBER.findall(stored), NUMBER.findall(replayed), strict=True)
        return all(self._near(one, other) for one, other in pairs)

    def _near(self, one: str, other: str) -> bool:
        unit = 10.0 ** -min(_places(one), _places(other))
        return abs(_number(one) - _number(other)) < (self.last + 0.5) * unit


def canonical(value: Any) -> str:
    """Return the one way to write a JSON value: keys in order, no spaces.

    A float that is a whole number is written as one, for databases give numbers back in ways of their own
    (PostgreSQL writes ``1e20`` out and has no ``-0.0``).
    """
    return json.dumps(_settled(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(content: bytes) -> str:
    """Return the hash of a file's bytes."""
    return hashlib.sha256(content).hexdigest()


def between(stored: Any, replayed: Any, path: str, tolerance: Tolerance) -> Iterator[Difference]:
    """Yield every place where two JSON values differ by more than the tolerance, in the order of paths.

    Of lists of different lengths, both lengths and the first place at which they part: what follows may only
    have moved.
    """
    if isinstance(stored, Mapping) and isinstance(replayed, Mapping):
        for key in sorted(stored.keys() | replayed.keys()):
            one, other = stored.get(key, ABSENT), replayed.get(key, ABSENT)
            yield from between(one, other, f"{path}.{key}", tolerance)
    elif isinstance(stored, list) and isinstance(replayed, list):
        yield from _between_lists(stored, replayed, path, tolerance)
    elif canonical(stored) != canonical(replayed) and not _covered(stored, replayed, tolerance):
        yield Difference(path, stored, replayed)


def _between_lists(
    stored: list[Any], replayed: list[Any], path: str, tolerance: Tolerance
) -> Iterator[Difference]:
    alike = len(stored) == len(replayed)
    if not alike:
        yield Difference(f"{path}.length", len(stored), len(replayed))
    for number, (one, other) in enumerate(zip_longest(stored, replayed, fillvalue=ABSENT)):
        found = list(between(one, other, f"{path}[{number}]", tolerance))
        yield from found
        if found and not alike:
            return


def placed(stored: Any, replayed: Any) -> tuple[str, str]:
    """Write two values in a line each; of long ones what is around the place where they part, and lengths."""
    one, other = _written(stored), _written(replayed)
    if max(len(one), len(other)) <= LONGEST:
        return one, other
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    at = sum(1 for _ in alike)
    return _around(one, at), _around(other, at)


def _around(written: str, at: int) -> str:
    start = max(0, at - BEFORE)
    end = start + LONGEST
    excerpt = f"{'…' if start else ''}{written[start:end]}{'…' if end < len(written) else ''}"
    return f"{excerpt} (from character {at + 1} of {len(written)})"


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _covered(stored: Any, replayed: Any, tolerance: Tolerance) -> bool:
    if isinstance(stored, str) and isinstance(replayed, str):
        return tolerance.last > 0 and tolerance.covers_words(stored, replayed)
    figures = isinstance(stored, float) or isinstance(replayed, float)
    return figures and _is_number(stored) and _is_number(replayed) and tolerance.covers(stored, replayed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _settled(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _settled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_settled(one) for one in value]
    return value


def _places(written: str) -> int:
    """Return how many digits stand behind the decimal mark."""
    return len(written) - 1 - mark if (mark := max(written.find("."), written.find(","))) >= 0 else 0


def _number(written: str) -> float:
    return float(written.replace(",", "."))

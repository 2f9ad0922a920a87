"""How the values of one field spread, before and now, in shares that single nobody out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ml.contracts import Text
from ml.monitoring.drift import FEW_BINS, Sample, binned, edges
from ml.monitoring.watched import Watched

SMALL = 5
"""Fewer patients than this are not counted out."""
MOST_LEVELS = 8
OTHERS = Text("others", "autres")


def shares(one: Watched, before: Sample, now: Sample) -> list[dict[str, Any]]:
    """Return the parts of a field with their shares on both sides, ``None`` where fewer than five are in one.

    Others are held back with them where they could be worked out from the rest (:func:`held_back`).
    """
    parts = _numbers(before, now) if one.numeric else _levels(one, before, now)
    hidden = [held_back(counts) for counts in zip(*(part[1] for part in parts), strict=True)]
    return [
        {
            "label": label.as_json(),
            "reference": None if hidden[0][at] else round(float(counts[0] / before.given), 2),
            "window": None if hidden[1][at] else round(float(counts[1] / now.given), 2),
        }
        for at, (label, counts) in enumerate(parts)
    ]


def missing(sample: Sample | None) -> float | None:
    """Return the share without a value; ``None`` where that, or the rest, is fewer than five patients."""
    if sample is None or not sample.n or any(held_back((sample.missing, sample.given))):
        return None
    return round(sample.missing / sample.n, 2)


def held_back(counts: tuple[float, ...]) -> list[bool]:
    """Say of each count whether it is held back.

    What is held back together can be worked out from the rest: two parts that come to two are one and one,
    since an empty part is shown. So the smallest others are held back too until it comes to five.
    """
    hidden = [0 < round(count) < SMALL for count in counts]
    while any(hidden) and (sum(hidden) == 1 or sum(_of(counts, hidden)) < SMALL):
        others = [at for at, count in enumerate(counts) if not hidden[at] and round(count)]
        if not others:
            break
        hidden[min(others, key=lambda at: counts[at])] = True
    return hidden


def _of(counts: tuple[float, ...], hidden: list[bool]) -> list[int]:
    return [round(count) for count, held in zip(counts, hidden, strict=True) if held]


def _numbers(before: Sample, now: Sample) -> list[tuple[Text, tuple[float, float]]]:
    inner = np.unique([_short(edge) for edge in edges(before, FEW_BINS)])
    counts = [binned(side, inner) * side.given for side in (before, now)]
    parts = [(label, (counts[0][at], counts[1][at])) for at, label in enumerate(_ranges(inner))]
    # Nobody is below the least whole number: a part that is empty on both sides is none.
    return [part for part in parts if any(part[1])]


def _ranges(inner: np.ndarray) -> list[Text]:
    if not len(inner):
        return [Text("all", "tous")]
    ends = [_said(edge) for edge in inner]
    middle = [Text(f"{low.en} to < {high.en}", f"{low.fr} à < {high.fr}") for low, high in pairwise(ends)]
    first, last = ends[0], ends[-1]
    return [Text(f"< {first.en}", f"< {first.fr}"), *middle, Text(f"≥ {last.en}", f"≥ {last.fr}")]


def _levels(one: Watched, before: Sample, now: Sample) -> list[tuple[Text, tuple[float, float]]]:
    both = {level: before.counts.get(level, 0) / before.given + now.counts.get(level, 0) / now.given
            for level in before.counts.keys() | now.counts.keys()}  # fmt: skip
    kept = sorted(both, key=lambda level: (-both[level], level))[:MOST_LEVELS]
    rows = [
        (one.levels.get(level, Text(level, level)), (before.counts.get(level, 0), now.counts.get(level, 0)))
        for level in kept
    ]
    rest = tuple(side.given - sum(side.counts.get(level, 0) for level in kept) for side in (before, now))
    return [*rows, (OTHERS, rest)] if any(rest) else rows


def _short(value: float) -> float:
    """Return a value with three digits: an edge is not the value of somebody."""
    return float(f"{value:.3g}")


def _said(value: float) -> Text:
    said = f"{value:.10g}".replace("-", "−")
    return Text(said, said.replace(".", ","))

"""What each region of an image adds to the score: Owen values over regions halved again and again.

The recursion is that of the partition explainer of Lundberg's shap (Lundberg & Lee 2017), written for one
output and without the library, which would triple a worker's memory; the tests hold one against the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np

Score = Callable[[np.ndarray], float]
"""From the cells shown, (side, side) bool, to the log odds of the image with the others hidden."""


@dataclass(frozen=True, order=True)
class Region:
    """A rectangle of cells: rows ``top`` to ``bottom``, columns ``left`` to ``right``, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def cells(self) -> tuple[slice, slice]:
        """Index of the region's cells."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def single(self) -> bool:
        """Whether it is one cell, which is not halved any more."""
        return self.bottom - self.top == 1 and self.right - self.left == 1

    def halves(self) -> tuple[Region, Region]:
        """Halve the longer side, the height where both are as long."""
        height, width = self.bottom - self.top, self.right - self.left
        if height >= width:
            middle = self.top + height // 2
            return (
                Region(self.top, self.left, middle, self.right),
                Region(middle, self.left, self.bottom, self.right),
            )
        middle = self.left + width // 2
        return (
            Region(self.top, self.left, self.bottom, middle),
            Region(self.top, middle, self.bottom, self.right),
        )


@dataclass(frozen=True)
class OwenValues:
    """What the regions add.

    Parameters
    ----------
    baseline
        Log odds with every cell hidden.
    logit
        Log odds of the whole image.
    cells
        Shape (side, side): log odds added by each cell. They and ``baseline`` add up to ``logit``.
    regions
        The finest regions told apart, top left first; the cells of one all have the same value.
    evaluations
        How often the score was asked for.
    """

    baseline: float
    logit: float
    cells: np.ndarray
    regions: tuple[Region, ...]
    evaluations: int


@dataclass(frozen=True)
class _Coalition:
    """A region on its way: what it adds to the cells ``shown``, from ``without`` to ``with_it``."""

    region: Region
    shown: np.ndarray
    without: float
    with_it: float
    weight: float

    @property
    def credit(self) -> float:
        return (self.with_it - self.without) * self.weight

    def halved(self, score: Score) -> tuple[_Coalition, ...]:
        """Ask what either half adds alone, and what it adds when the other is shown already.

        The value of a half is the mean of both (Owen 1977): the Shapley value of a game of two.
        """
        first, second = self.region.halves()
        with_first, with_second = self.shown.copy(), self.shown.copy()
        with_first[first.cells], with_second[second.cells] = True, True
        by_first, by_second = score(with_first), score(with_second)
        half = self.weight / 2
        return (
            _Coalition(first, self.shown, self.without, by_first, half),
            _Coalition(second, self.shown, self.without, by_second, half),
            _Coalition(first, with_second, by_second, self.with_it, half),
            _Coalition(second, with_first, by_first, self.with_it, half),
        )


def owen_values(score: Score, side: int, evaluations: int) -> OwenValues:
    """Divide the score among the cells of an image by Owen's value (Owen 1977).

    The region that carries most credit is halved next, until the score has been asked for often enough;
    what is left undivided is spread evenly over the cells of its region.

    Parameters
    ----------
    score
        The game: log odds with some cells shown and the others hidden.
    side
        Cells on a side of the image.
    evaluations
        How often ``score`` may be asked for, the whole and the hidden image included; at least 2.

    Raises
    ------
    ValueError
        When there is no cell or too few evaluations to tell the image from the baseline.
    """
    if side < 1 or evaluations < 2:
        raise ValueError(f"expected a cell and two evaluations at least, got {side} and {evaluations}")
    hidden = np.zeros((side, side), bool)
    baseline, logit = score(hidden), score(~hidden)
    asked, order = 2, count()
    whole = Region(0, 0, side, side)
    cells, regions = np.zeros((side, side)), {whole}
    waiting = [(0.0, next(order), _Coalition(whole, hidden, baseline, logit, 1.0))]
    while waiting:
        *_, coalition = heapq.heappop(waiting)
        region = coalition.region
        if region.single or asked + 2 > evaluations:
            cells[region.cells] += coalition.credit / cells[region.cells].size
            continue
        asked += 2
        for half in coalition.halved(score):
            regions.add(half.region)
            heapq.heappush(waiting, (-abs(half.credit), next(order), half))
    finest = {region for region in regions if region.single or region.halves()[0] not in regions}
    return OwenValues(baseline, logit, cells, tuple(sorted(finest)), asked)

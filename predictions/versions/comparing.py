"""The figures of a version beside those of another, as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

from ml.package import Metric, Package
from ml.promotion import paired

FEW = 30
"""Figures that are read at a glance; more are folded by what they were computed on."""


@dataclass(frozen=True, slots=True)
class Row:
    """A figure, the other version's on the same data, and their difference; ``None`` where it has none."""

    metric: Metric
    other: Metric | None

    @property
    def difference(self) -> float | None:
        """This one less the other one."""
        return None if self.other is None else self.metric.value - self.other.value

    @property
    def same(self) -> bool:
        """Whether both say the same."""
        return self.other is not None and abs(self.metric.value - self.other.value) < 1e-9


@dataclass(frozen=True, slots=True)
class Group:
    """The figures on one set of data."""

    data: str
    rows: tuple[Row, ...]
    open: bool

    @property
    def differing(self) -> int:
        """How many of them differ from the other version's."""
        return sum(row.other is not None and not row.same for row in self.rows)


def groups(package: Package, other: Package | None) -> list[Group]:
    """Return the figures of a version by what they were computed on, each beside the other version's.

    Where they are many, the first that differ stand open.
    """
    pairs = paired(package, other)
    parted = [
        Group(data, tuple(Row(pair.one, pair.other) for pair in found), open=False)
        for data, found in groupby(pairs, key=lambda pair: pair.data)
    ]
    few = len(pairs) <= FEW
    first = next((group for group in parted if group.differing), parted[0] if parted else None)
    return [replace(group, open=few or group is first) for group in parted]


def compared(found: list[Group]) -> int:
    """Return how many figures have one of the other version on the same data."""
    return sum(row.other is not None for group in found for row in group.rows)

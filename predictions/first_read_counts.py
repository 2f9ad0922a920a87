"""How first reads and answers compare, counted per unit for the model steward; no reader is named."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from clinic.accounts.models import Unit
from predictions import first_read
from predictions.models import FirstRead, Review

Z95 = 1.959964
SINCE_BLIND = "images"
"""What every result of a kind read blind has held since the release that brought first reads."""


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``n`` with its 95 % interval (Wilson 1927); all shares between 0 and 1."""

    count: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share itself; 0 of nothing is 0."""
        return self.count / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """First reads of one unit.

    Parameters
    ----------
    reads
        All of them, also those that could not assess the image.
    alike
        How many of those with an opinion said the same of pneumonia as the answer that they had not seen.
    changed
        How many of those judged afterwards departed from what their reader had said first.
    """

    unit: Unit
    reads: int
    alike: Share
    changed: Share

    @property
    def shares(self) -> tuple[Share, Share]:
        """Both shares, in the order of the table."""
        return self.alike, self.changed


def by_unit(algorithm: str) -> list[UnitCounts]:
    """Return the counts of every unit that reads images of ``algorithm`` blind.

    Answers of before first reads existed stay out: their readers may have seen them already. So do images
    that were analysed again: their readers may know what was answered of them before.
    """
    reads = FirstRead.objects.filter(
        study__algorithm=algorithm, study__repeats_with=None, prediction__result__has_key=SINCE_BLIND
    )
    reads = reads.select_related("prediction", "study")
    total: Counter[int] = Counter()
    opinions: Counter[tuple[int, bool]] = Counter()
    for read in reads.iterator():
        total[read.study.unit_id] += 1
        alike = first_read.agrees(read)
        if alike is not None:
            opinions[read.study.unit_id, alike] += 1
    minds = _minds(algorithm)
    return [
        UnitCounts(
            unit,
            total[unit.pk],
            _share(opinions[unit.pk, True], opinions[unit.pk, False]),
            _share(minds[unit.pk, True], minds[unit.pk, False]),
        )
        for unit in Unit.objects.filter(pk__in=total).order_by("code")
    ]


def _minds(algorithm: str) -> Counter[tuple[int, bool]]:
    """Count by unit whether the last judgement of each reader departs from their first read."""
    judged = Review.objects.filter(
        prediction__study__algorithm=algorithm,
        prediction__study__repeats_with=None,
        prediction__result__has_key=SINCE_BLIND,
        changed_mind__isnull=False,
    )
    last = {
        (author, prediction): (unit, changed)
        for author, prediction, unit, changed in judged.order_by("created_at").values_list(
            "author_id", "prediction_id", "prediction__study__unit_id", "changed_mind"
        )
    }
    return Counter(last.values())


def _share(count: int, others: int) -> Share:
    n = count + others
    return Share(count, n, *wilson(count, n))


def wilson(count: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of ``count`` of ``n``, between 0 and 1; everything for ``n`` of 0."""
    if not n:
        return 0.0, 1.0
    share, extra = count / n, Z95**2 / n
    middle = (share + extra / 2) / (1 + extra)
    half = math.sqrt(share * (1 - share) * extra + extra**2 / 4) / (1 + extra)
    return max(0.0, middle - half), min(1.0, middle + half)

"""Adding to the counts: in memory while rows are read, then to the tables, once."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict

from predictions.metrics.definitions import METRICS, Metric
from predictions.metrics.models import Tally

Series = tuple[list[str], list[int], float]
"""Values of the labels, counts per bucket, sum."""


class Tallies:
    """What a batch of events adds to the counts."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._totals: dict[tuple[str, str], float] = defaultdict(float)

    def add(self, metric: Metric, *labels: str, count: int = 1) -> None:
        """Count ``count`` more events of a counter."""
        self._series(metric, labels)[0] += count

    def observe(self, metric: Metric, *labels: str, value: float) -> None:
        """Count one value into its bucket of a histogram."""
        self._series(metric, labels)[bisect_left(metric.bounds, value)] += 1
        self._totals[metric.name, _written(labels)] += value

    def write(self) -> None:
        """Add everything to the tables; the caller holds the mark that keeps everybody else from it."""
        kept = {
            (row.metric, row.labels): row
            for row in Tally.objects.filter(metric__in={name for name, _ in self._counts})
        }
        changed, new = [], []
        for (name, labels), counts in self._counts.items():
            row = kept.get((name, labels))
            if row is None:
                new.append(Tally(metric=name, labels=labels, counts=counts, total=self._totals[name, labels]))
                continue
            # Other buckets than before: the series begins anew, which monitoring knows how to read.
            same = len(row.counts) == len(counts)
            row.counts = [a + b for a, b in zip(row.counts, counts, strict=True)] if same else counts
            row.total = self._totals[name, labels] + (row.total if same else 0)
            changed.append(row)
        Tally.objects.bulk_create(new)
        Tally.objects.bulk_update(changed, ["counts", "total"])

    def _series(self, metric: Metric, labels: tuple[str, ...]) -> list[int]:
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name} has the labels {metric.labels}, got {labels}")
        return self._counts.setdefault((metric.name, _written(labels)), [0] * metric.size)


def _written(labels: tuple[str, ...]) -> str:
    return json.dumps(labels)


def kept() -> dict[str, list[Series]]:
    """Return every series by its metric."""
    found: dict[str, list[Series]] = {name: [] for name in METRICS}
    for row in Tally.objects.order_by("metric", "labels"):
        metric = METRICS.get(row.metric)
        if metric and len(row.counts) == metric.size:
            found[row.metric].append((json.loads(row.labels), row.counts, row.total))
    return found

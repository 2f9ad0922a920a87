"""The text of ``/metrics``, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

from django.core.cache import cache
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from ml import registry as algorithms
from predictions.metrics import definitions, standing, tallies
from predictions.metrics.definitions import ENDED, METRICS, OUTCOMES
from predictions.metrics.tallies import Series

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# However often somebody asks, the database and the broker are asked this often by each web process.
CACHED_SECONDS = 5
CACHE_KEY = "metrics"


class Installation(Collector):
    """Everything that is said of this installation: the same whichever web process is asked."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from counted()
        yield from standing.families()


def text() -> bytes:
    """Return the metrics, at most :data:`CACHED_SECONDS` old."""
    found = cache.get(CACHE_KEY)
    if found is None:
        # A registry of its own: what libraries count in the process that was asked is not of this place.
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Installation())
        found = generate_latest(registry)
        cache.set(CACHE_KEY, found, CACHED_SECONDS)
    return found


def counted() -> Iterator[Metric]:
    """Yield the metrics that were counted so far."""
    for name, series in tallies.kept().items():
        metric = METRICS[name]
        if metric.bounds:
            yield _histogram(metric, series)
        else:
            yield _counter(metric, [*series, *(_not_yet(series) if metric is ENDED else ())])


def _counter(metric: definitions.Metric, series: Iterable[Series]) -> Metric:
    counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
    for labels, counts, _ in series:
        counter.add_metric(labels, counts[0])
    return counter


def _histogram(metric: definitions.Metric, series: Iterable[Series]) -> Metric:
    histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
    bounds = [*(str(float(bound)) for bound in metric.bounds), "+Inf"]
    for labels, counts, total in series:
        histogram.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
    return histogram


def _not_yet(series: list[Series]) -> list[Series]:
    """Return what never happened, with its zero: from nothing to one, monitoring sees no increase."""
    there = {tuple(labels) for labels, _, _ in series}
    every = [(contract.name, how) for contract in algorithms.contracts(clinical=True) for how in OUTCOMES]
    return [([*labels], [0], 0.0) for labels in every if labels not in there]

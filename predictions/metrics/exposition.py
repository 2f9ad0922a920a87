"""The text of ``/metrics``, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from django.core.cache import cache
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from predictions.metrics import counting, standing, tallies
from predictions.metrics.definitions import METRICS

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
# However often somebody asks, the database and the broker are asked this often by each web process.
CACHED_SECONDS = 5
CACHE_KEY = "metrics"


class Installation(Collector):
    """Everything that is said of this installation: the same whichever web process is asked."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        counting.count()
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
        if not metric.bounds:
            counter = CounterMetricFamily(name, metric.help, labels=metric.labels)
            for labels, counts, _ in series:
                counter.add_metric(labels, counts[0])
            yield counter
            continue
        histogram = HistogramMetricFamily(name, metric.help, labels=metric.labels)
        bounds = [*(str(float(bound)) for bound in metric.bounds), "+Inf"]
        for labels, counts, total in series:
            cumulated = list(zip(bounds, accumulate(counts), strict=True))
            histogram.add_metric(labels, cumulated, total)
        yield histogram

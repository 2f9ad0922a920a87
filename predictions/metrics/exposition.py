"""The text of ``/metrics``, as Prometheus reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import accumulate

from django.core.cache import cache
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from ml import registry as algorithms
from predictions.metrics import definitions, known, standing, tallies
from predictions.metrics.definitions import ENDED, FAILURES, METRICS, OUTCOMES, REFUSALS
from predictions.metrics.tallies import Series

# However often somebody asks, the database and the broker are asked this often by each web process.
CACHED_SECONDS = 5
CACHE_KEY = "metrics"
OPEN_METRICS, PLAIN = "application/openmetrics-text", "text/plain"
VERSIONS = {OPEN_METRICS: "1.0.0", PLAIN: "0.0.4"}
WEIGHT = re.compile(r"[01](\.\d{0,3})?")


class Installation(Collector):
    """Everything that is said of this installation: the same whichever web process is asked."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from counted()
        yield from standing.families()


def text(accepted: str = "") -> tuple[bytes, str]:
    """Return the metrics, at most :data:`CACHED_SECONDS` old, and the media type they are written in.

    Parameters
    ----------
    accepted
        What the scraper reads, as its ``Accept`` says: OpenMetrics or the text of Prometheus, which anything
        else is answered with.
    """
    wanted = OPEN_METRICS if _prefers_open_metrics(accepted) else PLAIN
    encode, media_type = choose_encoder(f"{wanted}; version={VERSIONS[wanted]}")
    key = f"{CACHE_KEY}:{wanted}"
    found = cache.get(key)
    if found is None:
        # A registry of its own: what libraries count in the process that was asked is not of this place.
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Installation())
        found = encode(registry)
        cache.set(key, found, CACHED_SECONDS)
    return found, media_type


def _prefers_open_metrics(accepted: str) -> bool:
    """Whether an ``Accept`` names OpenMetrics, and no less than the plain text."""
    weights = {OPEN_METRICS: 0.0, PLAIN: 0.0}
    for part in accepted.lower().split(","):
        kind, *params = (word.strip() for word in part.split(";"))
        if kind in weights:
            given = next((word[2:] for word in params if word.startswith("q=")), "1")
            weights[kind] = max(weights[kind], float(given) if WEIGHT.fullmatch(given) else 0.0)
    return 0 < weights[OPEN_METRICS] >= weights[PLAIN]


def counted() -> Iterator[Metric]:
    """Yield the metrics that were counted so far."""
    for name, series in tallies.kept().items():
        metric = METRICS[name]
        if metric.bounds:
            yield _histogram(metric, series)
        else:
            yield _counter(metric, [*series, *_not_yet(metric, series)])


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


def _not_yet(metric: definitions.Metric, series: list[Series]) -> list[Series]:
    """Return what never happened, with its zero: from nothing to one, monitoring sees no increase."""
    there = {tuple(labels) for labels, _, _ in series}
    return [([*labels], [0], 0.0) for labels in _known(metric) if labels not in there]


def _known(metric: definitions.Metric) -> Iterator[tuple[str, ...]]:
    for contract in algorithms.contracts(clinical=True):
        if metric is ENDED:
            yield from ((contract.name, how) for how in OUTCOMES)
        elif metric is FAILURES:
            yield from ((contract.name, code) for code in known.FAILURES)
        elif metric is REFUSALS:
            for where, codes in known.REFUSALS.get(contract.name, {}).items():
                yield from ((contract.name, where, code) for code in codes)

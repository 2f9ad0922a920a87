"""How things stand at the moment of asking: what waits, who works, what serves, what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric

from clinic import pulse
from clinic.audit import alarms
from clinic.celeryconfig import QUEUES
from ml import package as packages
from ml import registry
from predictions import jobs, queue
from predictions.deployments import selectors as deployments
from predictions.metrics import watched
from predictions.models import JobState, Study
from predictions.states import State


def families() -> Iterator[Metric]:
    """Yield every metric of the moment."""
    yield from _studies()
    yield _jobs()
    yield from _workers()
    yield _packages()
    yield _deployments()
    yield _alarms()
    yield _disk()
    yield from watched.families()


def _studies() -> Iterator[Metric]:
    found = Study.objects.order_by().values_list("algorithm", "state").annotate(Count("pk"))
    counts = {(algorithm, state): n for algorithm, state, n in found}
    by_state = GaugeMetricFamily("vigie_studies", "Studies by state.", labels=("algorithm", "state"))
    for contract in registry.contracts(clinical=True):
        for state in State:
            by_state.add_metric((contract.name, state.value), counts.get((contract.name, state), 0))
    yield by_state
    yield _age(
        "vigie_oldest_waiting_study_seconds",
        "How long the study that has waited longest has waited for a worker; 0 when none waits.",
        {"state": State.QUEUED},
    )
    yield _age(
        "vigie_oldest_unsent_study_seconds",
        "How long the oldest study has been accepted and not sent to the broker; 0 when every one is sent.",
        {"state": State.QUEUED, "sent_at": None},
    )


def _age(name: str, said: str, waiting: dict[str, object]) -> Metric:
    since = Study.objects.filter(**waiting).aggregate(since=Min("submitted_at"))["since"]
    seconds = (timezone.now() - since).total_seconds() if since else 0
    return GaugeMetricFamily(name, said, value=max(seconds, 0))


def _jobs() -> Metric:
    family = GaugeMetricFamily(
        "vigie_jobs", "Background jobs that are kept, by kind and state.", labels=("kind", "state")
    )
    for kind in jobs.kinds():
        found = kind.model.objects.order_by().values_list("state").annotate(Count("pk"))
        counts = dict(found)
        for state in JobState:
            family.add_metric((kind.name, state.value), counts.get(state, 0))
    return family


def _workers() -> Iterator[Metric]:
    """Yield what the broker knows; without it, that it is away, and nothing else."""
    try:
        words, lengths = pulse.words(), queue.lengths()
    except pulse.NoBroker:
        words, lengths = [], None
    yield GaugeMetricFamily("vigie_broker_up", "Whether the broker answers.", value=int(lengths is not None))
    if lengths is None:
        return
    yield _lengths(lengths)
    takers = GaugeMetricFamily("vigie_workers", "Workers that live, by queue.", labels=("queue",))
    memory = GaugeMetricFamily(
        "vigie_worker_resident_memory_bytes",
        "Memory of a worker and its children; what they share counts in each.",
        labels=("worker",),
    )
    for name in (*QUEUES, pulse.WATCH):
        takers.add_metric((name,), sum(name in word.queues for word in words))
    for word in words:
        if word.resident_bytes:
            memory.add_metric((word.name,), word.resident_bytes)
    yield takers
    yield memory


def _lengths(lengths: dict[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily(
        "vigie_queue_length",
        "Messages that no worker has taken yet, by queue: of studies (documents in upkeep, trainings in "
        "training) and of background jobs, which wait behind them.",
        labels=("queue", "work"),
    )
    for labels, length in lengths.items():
        family.add_metric(labels, length)
    return family


def _packages() -> Metric:
    family = InfoMetricFamily("vigie_package", "The model package in service.", labels=("algorithm",))
    for name in registry.names():
        try:
            package = packages.load(name)
        except packages.BrokenPackage:
            continue
        family.add_metric((name,), {"version": package.version, "sha256": package.sha256})
    return family


def _deployments() -> Metric:
    family = InfoMetricFamily(
        "vigie_deployment",
        "A version that runs beside the one in service: shadow, silent or canary.",
        labels=("algorithm", "unit", "mode"),
    )
    for one in deployments.running():
        about = {"version": one.version, "sha256": one.package_sha256}
        family.add_metric((one.algorithm, one.unit.code, one.mode), about)
    return family


def _alarms() -> Metric:
    raised = {alarm.code for alarm in alarms.current()}
    family = GaugeMetricFamily(
        "vigie_audit_alarm", "Whether an alarm of the audit is raised, by its code.", labels=("code",)
    )
    for code in alarms.CODES:
        family.add_metric((code,), int(code in raised))
    return family


def _disk() -> Metric:
    return GaugeMetricFamily(
        "vigie_disk_free_bytes",
        "Room on the disk of the data folder.",
        value=shutil.disk_usage(settings.DATA_DIR).free,
    )

"""Kinds of background jobs: who does them, in which queue, within which limits; and how one is done.

A kind registers itself from ``AppConfig.ready``. Its work is named by a dotted path and imported by the
worker that does it, never by the web process, so that it may need NumPy or a parser.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from clinic.outages import AWAY, despite_outage, is_full
from ml import registry
from ml.contracts import Limits, Problem, Refused, Text
from predictions.lease import recall, release, renewed, take
from predictions.limits import TooSlow, within
from predictions.models.job import Job, JobState
from predictions.queue import HARD_LIMIT_GRACE, JOB_PRIORITY, is_empty_of_jobs, unless_away, wake
from predictions.reap import Jobs

log = logging.getLogger(__name__)

WORK = "predictions.work"

OUT_OF_MEMORY = Problem(
    "out_of_memory",
    Text(
        "This needed more memory than it may take, and was stopped.",
        "La mémoire accordée n’a pas suffi et le travail a été arrêté.",
    ),
)
TOO_SLOW = Problem(
    "too_slow",
    Text("This took longer than it may, and was stopped.", "Le temps accordé n’a pas suffi : arrêté."),
)
NO_ROOM = Problem(
    "no_room",
    Text(
        "There is no room left on the disk of the worker, so nothing was kept. Tell IT, then ask again.",
        "Le disque de l’exécutant est plein : rien n’a été conservé. Prévenez le service informatique, puis "
        "redemandez.",
    ),
)
INTERNAL = Problem(
    "internal",
    Text(
        "The worker stopped on a defect of its own. Tell IT the number of this job.",
        "L’exécutant s’est arrêté sur un défaut interne. Donnez au service informatique le numéro de ce "
        "travail.",
    ),
)
STOPPED_THE_WORKER = Problem(
    "stopped_the_worker",
    Text(
        "This was tried {deaths} times and no attempt came to an end. Tell IT the number of this job.",
        "{deaths} essais, aucun n’est allé à son terme. Donnez au service informatique le numéro de ce "
        "travail.",
    ),
)


class UnknownKind(LookupError):
    """There is no such kind of job."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended well.

    Parameters
    ----------
    values
        Fields of the row to write.
    write
        What else to write, in the same transaction; not called once the lease is lost.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    write: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job.

    Parameters
    ----------
    name
        As messages, logs and the audit have it.
    model
        Its rows.
    work
        Dotted path of ``function(row) -> Ending``, imported by the worker. It may raise
        :class:`ml.contracts.Refused`, with which the job ends as refused; whatever else it raises ends the
        job as failed, in a sentence.
    queue_of
        Queue of a row; that of its algorithm unless named.
    limits_of
        Limits of a row; those of its algorithm unless named.
    lost
        Called with a row that ended as refused or failed, in the transaction that says so.
    """

    name: str
    model: type[Job]
    work: str
    queue_of: Callable[[Any], str] = lambda row: registry.contract(row.algorithm).queue
    limits_of: Callable[[Any], Limits] = lambda row: registry.contract(row.algorithm).limits
    lost: Callable[[Any], object] | None = None


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind of job; called from ``AppConfig.ready``."""
    _kinds[kind.name] = kind


def kind(name: str) -> Kind:
    """Return a kind by its name; raises :class:`UnknownKind`."""
    try:
        return _kinds[name]
    except KeyError as error:
        raise UnknownKind(f"no kind of job called {name!r}; there are: {', '.join(_kinds)}") from error


def kinds() -> tuple[Kind, ...]:
    """Return every kind."""
    return tuple(_kinds.values())


def reaped() -> tuple[Jobs, ...]:
    """Return every kind as :class:`predictions.reap.Reaper` looks after it."""
    return tuple(_jobs(each) for each in _kinds.values())


def start(row: Job) -> None:
    """Have a worker do a job whose row the current transaction writes; its message follows the commit."""
    transaction.on_commit(partial(send, _kind_of(row).name, row.pk))


@unless_away
def send(name: str, row_id: UUID) -> bool:
    """Wake a worker for a waiting job; ``False`` when there is no broker or nothing waits."""
    found = kind(name)
    waiting = found.model.objects.filter(pk=row_id, state=JobState.QUEUED)
    row = waiting.first()
    if row is None:
        return False
    limit = found.limits_of(row).seconds + HARD_LIMIT_GRACE
    message = {"kind": name, "job_id": str(row_id)}
    if not wake(WORK, message, found.queue_of(row), time_limit=limit, priority=JOB_PRIORITY):
        return False
    waiting.update(sent_at=timezone.now())
    return True


def work(name: str, row_id: UUID) -> None:
    """Do one waiting job and write down how it ended; one that somebody else has is left alone."""
    found = kind(name)
    mine = take(found.model.objects.filter(pk=row_id, state=JobState.QUEUED), running=JobState.RUNNING)
    if mine is None:
        return
    row = found.model.objects.get(pk=row_id, lease=mine)
    limits = found.limits_of(row)
    with renewed(row, seconds=limits.seconds):
        try:
            kept = _keep(found, row, _attempt(found, row, limits))
        except AWAY as error:
            # Nobody's defect: once the lease ran out, the watch sends the job to another worker.
            log.warning("database away, job left", exc_info=error, extra={"job": name, "id": str(row_id)})
            return
        if not kept:
            log.warning("lease lost, outcome dropped", extra={"job": name, "id": str(row_id)})


def withdraw(row: Job) -> bool:
    """Take a job back that no worker has begun; ``False`` when one has."""
    waiting = type(row).objects.filter(pk=row.pk, state=JobState.QUEUED)
    return bool(waiting.update(state=JobState.WITHDRAWN, finished_at=timezone.now()))


def _keep(found: Kind, row: Job, ended: Callable[[Job], bool]) -> bool:
    """Write how a job ended; what cannot be written ends as a sentence why. ``False`` without the lease."""
    try:
        return despite_outage(partial(ended, row))
    except AWAY as error:
        if not is_full(error):
            raise
        problem = NO_ROOM
    except Exception as error:
        # Whoever waits must hear that something broke; the log keeps its type and place.
        log.error("outcome not kept", exc_info=error, extra={"job": found.name, "id": str(row.pk)})
        problem = NO_ROOM if is_full(error) else INTERNAL
    return despite_outage(partial(_write_lost, found, JobState.FAILED, (problem,), row))


def _attempt(found: Kind, row: Job, limits: Limits) -> Callable[[Job], bool]:
    """Do a job within its limits and return what writes its end; whatever goes wrong becomes a sentence."""
    try:
        with within(limits):
            ending = _work_of(found)(row)
        return partial(_write_done, found, ending)
    except Refused as refusal:
        return partial(_write_lost, found, JobState.REFUSED, refusal.problems)
    except AWAY as error:
        if not is_full(error):
            raise
        problem = NO_ROOM
    except MemoryError:
        problem = OUT_OF_MEMORY
    except TooSlow:
        problem = TOO_SLOW
    except Exception as error:
        # Any defect must end as a sentence; the log keeps its type and place.
        log.error("job failed", exc_info=error, extra={"job": found.name, "id": str(row.pk)})
        problem = NO_ROOM if is_full(error) else INTERNAL
    return partial(_write_lost, found, JobState.FAILED, (problem,))


def _work_of(found: Kind) -> Callable[[Job], Ending]:
    module, _, name = found.work.rpartition(".")
    return getattr(import_module(module), name)


def _write_done(found: Kind, ending: Ending, row: Job) -> bool:
    with transaction.atomic():
        if not release(row, state=JobState.DONE, finished_at=timezone.now(), **ending.values):
            return False
        if ending.write:
            ending.write()
    log.info("job ended", extra={"job": found.name, "id": str(row.pk), "state": "done"})
    return True


def _write_lost(found: Kind, state: JobState, problems: tuple[Problem, ...], row: Job) -> bool:
    said = [problem.as_json() for problem in problems]
    with transaction.atomic():
        if not release(row, state=state, problems=said, finished_at=timezone.now()):
            return False
        _tell(found, row, [problem.code for problem in problems])
    log.info("job ended", extra={"job": found.name, "id": str(row.pk), "state": str(state)})
    return True


def _tell(found: Kind, row: Job, codes: list[str]) -> None:
    detail = {"algorithm": row.algorithm, "codes": codes}
    record(Action.FAIL, actor_label=WORKER, kind=found.name, object_id=str(row.pk), detail=detail)
    if found.lost:
        found.lost(row)


def _give_up(found: Kind, row: Job, deaths: int) -> None:
    problem = Problem(STOPPED_THE_WORKER.code, STOPPED_THE_WORKER.message.format(deaths=deaths))
    values = {"deaths": deaths, "problems": [problem.as_json()], "finished_at": timezone.now()}
    if recall(row, state=JobState.FAILED, **values):
        _tell(found, row, [problem.code])


def _jobs(found: Kind) -> Jobs:
    return Jobs(
        model=found.model,
        queued=JobState.QUEUED,
        running=JobState.RUNNING,
        since="queued_at",
        queue_of=found.queue_of,
        send=partial(send, found.name),
        give_up=partial(_give_up, found),
        is_empty=is_empty_of_jobs,
    )


def _kind_of(row: Job) -> Kind:
    for found in _kinds.values():
        if isinstance(row, found.model):
            return found
    raise UnknownKind(f"{type(row).__name__} is of no registered kind of job")

"""What happens to a job whose worker vanished, and to one whose message did: a study, a training.

A job is a row under a lease. Only :class:`predictions.watch.Watch` calls this, every few seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Problem, Text
from predictions import queue
from predictions.lease import recall
from predictions.models import Study
from predictions.sightings import Sightings
from predictions.states import State, check

log = logging.getLogger(__name__)

STOPPED_THE_ANALYSER = Problem(
    "stopped_the_analyser",
    Text(
        "The analysis was tried {deaths} times and every attempt was cut short: by this input, or by a "
        "machine that stopped. Retry once; if it happens again, export the input again, or tell IT the "
        "number of this study.",
        "L’analyse a été tentée {deaths} fois et chaque essai a été interrompu : par cette entrée, ou par "
        "l’arrêt d’une machine. Relancez-la une fois ; si cela se reproduit, exportez de nouveau l’entrée, "
        "ou donnez au service informatique le numéro de cette étude.",
    ),
)


@dataclass(frozen=True, slots=True)
class Jobs:
    """One kind of leased row.

    Parameters
    ----------
    model
        Rows with ``state``, ``lease``, ``lease_until``, ``deaths``, ``attempts`` and ``sent_at``.
    queued, running
        Its states before and during the work.
    since
        Name of the field by which the longest waiting comes first.
    queue_of
        Queue of a row.
    send
        Wakes a worker for a row; ``False`` when there is no broker.
    give_up
        Ends a row, seen under a lease that is dead, after so many deaths; says why, and in the audit.
    is_empty
        Whether no message that such a row may be waiting for is on its way in a queue.
    """

    model: type[Model]
    queued: str
    running: str
    since: str
    queue_of: Callable[[Any], str]
    send: Callable[[UUID], bool]
    give_up: Callable[[Any, int], None]
    is_empty: Callable[[str], bool] = lambda name: queue.is_empty(name)  # noqa: PLW0108 (looked up when asked)


class Reaper:
    """Looks after one kind of job, and remembers what it saw.

    Parameters
    ----------
    clock
        Seconds that only ever go forward.
    """

    def __init__(self, jobs: Jobs, clock: Callable[[], float] = time.monotonic) -> None:
        self.jobs = jobs
        self._held = Sightings(clock)
        self._waiting = Sightings(clock)

    def look(self) -> None:
        """Recover every abandoned job, then send again what nobody is coming for."""
        for row in self._abandoned():
            recover(self.jobs, row)
        for row_id in self._unsent():
            if not self.jobs.send(row_id):
                break

    def _abandoned(self) -> list[Any]:
        """Return the rows in work whose lease nobody has renewed for as long as it lasts."""
        rows = list(self.jobs.model.objects.filter(state=self.jobs.running))
        ages = self._held.ages({row.pk: (row.lease, row.lease_until) for row in rows})
        return [row for row in rows if ages[row.pk] >= settings.STUDY_LEASE_SECONDS]

    def _unsent(self) -> list[UUID]:
        """Return the waiting rows whose message was never sent, or is lost."""
        rows = list(self.jobs.model.objects.filter(state=self.jobs.queued).order_by(self.jobs.since))
        ages = self._waiting.ages({row.pk: row.sent_at for row in rows})
        quiet = [row for row in rows if row.sent_at and ages[row.pk] >= settings.STUDY_RESEND_SECONDS]
        lost = self._lost(quiet)
        return [row.pk for row in rows if row.sent_at is None or row.pk in lost]

    def _lost(self, quiet: Sequence[Any]) -> set[UUID]:
        """Return the rows whose queue is empty, or has served a job that was sent after them.

        In a long queue a message that was sent long ago is still on its way.
        """
        if not quiet:
            return set()
        queues = {row.pk: self.jobs.queue_of(row) for row in quiet}
        empty = {name for name in set(queues.values()) if self.jobs.is_empty(name)}
        served = self._served_after(min(row.sent_at for row in quiet))
        return {
            row.pk
            for row in quiet
            if (name := queues[row.pk]) in empty or (name in served and served[name] > row.sent_at)
        }

    def _served_after(self, moment: datetime) -> dict[str, datetime]:
        """Return when the last job that a worker took from each queue was sent, if after ``moment``."""
        taken = self.jobs.model.objects.filter(sent_at__gt=moment).exclude(state=self.jobs.queued)
        served: dict[str, datetime] = {}
        for row in taken.only("algorithm", "sent_at").order_by("sent_at"):
            served[self.jobs.queue_of(row)] = row.sent_at
        return served


def recover(jobs: Jobs, seen: Any) -> None:
    """Put a job whose lease is dead back into its queue; at the last death it ends, in words.

    Parameters
    ----------
    seen
        The row as it was seen: whatever happened to it since, its worker or another one was there first.
    """
    deaths = seen.deaths + 1
    log.warning("worker lost", extra={seen._meta.model_name: str(seen.pk), "attempt": seen.attempts})
    with transaction.atomic():
        if deaths >= settings.STUDY_MAX_DEATHS:
            jobs.give_up(seen, deaths)
        elif recall(seen, state=jobs.queued, deaths=deaths, sent_at=None):
            transaction.on_commit(partial(jobs.send, seen.pk))


def _give_up(study: Study, deaths: int) -> None:
    check(study.state, State.FAILED)
    problem = Problem(STOPPED_THE_ANALYSER.code, STOPPED_THE_ANALYSER.message.format(deaths=deaths))
    values = {"deaths": deaths, "problems": [problem.as_json()], "finished_at": timezone.now()}
    if recall(study, state=State.FAILED, **values):
        record(
            Action.FAIL,
            actor_label=WORKER,
            patient=study.patient_id,
            study=study.pk,
            kind="study",
            detail={"codes": [problem.code], "deaths": deaths},
        )


STUDIES = Jobs(
    model=Study,
    queued=State.QUEUED,
    running=State.RUNNING,
    since="submitted_at",
    queue_of=lambda study: study.contract.queue,
    send=queue.send,
    give_up=_give_up,
)

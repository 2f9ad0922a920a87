"""What happens to a training whose worker vanished, and to a table that nobody trained on."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Problem, Text
from predictions.lease import recall
from predictions.reap import Jobs
from predictions.stewardship import queue
from predictions.stewardship.models import Training
from predictions.stewardship.states import PREPARED, State, check
from predictions.storage import storage

KEPT = timedelta(days=1)
STOPPED_THE_WORKER = Problem(
    "stopped_the_worker",
    Text(
        "This file stopped the worker: it was tried {deaths} times and no attempt came to an end. The "
        "file is "
        "deleted; tell IT the number of this training.",
        "Ce fichier a arrêté l’exécutant : {deaths} essais, aucun n’est allé à son terme. Le fichier est "
        "supprimé ; donnez au service informatique le numéro de cet entraînement.",
    ),
)


def sweep() -> None:
    """Withdraw the trainings nobody started for a day: their files hold what women told."""
    old = Training.objects.filter(state__in=PREPARED, uploaded_at__lt=timezone.now() - KEPT)
    for training in list(old):
        withdraw(training, actor_label=WORKER)


def withdraw(training: Training, **by: object) -> bool:
    """Delete the table of a training that has not run; ``False`` when it is no longer one of those."""
    with transaction.atomic():
        moved = Training.objects.filter(pk=training.pk, state__in=PREPARED).update(
            state=State.WITHDRAWN, stored_name="", finished_at=timezone.now()
        )
        if not moved:
            return False
        record(Action.DISCARD, kind="training", object_id=str(training.pk), **by)
        transaction.on_commit(partial(storage.discard, training.stored_name))
    return True


def _give_up(training: Training, deaths: int) -> None:
    check(training.state, State.FAILED)
    problem = Problem(STOPPED_THE_WORKER.code, STOPPED_THE_WORKER.message.format(deaths=deaths))
    values = {"deaths": deaths, "problems": [problem.as_json()], "finished_at": timezone.now()}
    if recall(training, state=State.FAILED, stored_name="", **values):
        record(
            Action.FAIL,
            actor_label=WORKER,
            kind="training",
            object_id=str(training.pk),
            detail={"codes": [problem.code], "deaths": deaths},
        )
        transaction.on_commit(partial(storage.discard, training.stored_name))


TRAININGS = Jobs(
    model=Training,
    queued=State.QUEUED,
    running=State.RUNNING,
    since="uploaded_at",
    queue_of=lambda training: queue.QUEUE,
    send=queue.send,
    give_up=_give_up,
)

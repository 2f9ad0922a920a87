"""What happens to a study whose worker vanished, and to one whose message did.

Called every few seconds by the scheduler, by any worker that meets an abandoned study, and by hand.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Problem, Text
from predictions import queue
from predictions.lease import recall
from predictions.models import Document, Inquiry, StoredArtefact, Study, StudyFile
from predictions.states import State, check
from predictions.stewardship.models import Training
from predictions.storage import storage

log = logging.getLogger(__name__)

INQUIRY_KEPT = timedelta(hours=1)
STOPPED_THE_ANALYSER = Problem(
    "stopped_the_analyser",
    Text(
        "This input stopped the analyser: it was tried {deaths} times and no attempt came to an end. "
        "Export it again, or tell IT the number of this study.",
        "Cette entrée a arrêté l’analyseur : {deaths} essais, aucun n’est allé à son terme. "
        "Exportez-la de nouveau, ou donnez au service informatique le numéro de cette étude.",
    ),
)


def reap() -> None:
    """Recover every abandoned study, then send again what nobody is coming for."""
    abandoned = Study.objects.filter(state=State.RUNNING, lease_until__lt=timezone.now())
    for study_id in list(abandoned.values_list("pk", flat=True)):
        recover(study_id)
    for study_id in queue.overdue():
        if not queue.send(study_id):
            break


def recover(study_id: UUID) -> None:
    """Put a study whose lease ran out back into its queue; at the last death it fails, in words.

    Does nothing for a study that is in anybody's hands.
    """
    with transaction.atomic():
        study = Study.objects.filter(pk=study_id, state=State.RUNNING, lease_until__lt=timezone.now()).first()
        if study is None:
            return
        deaths = study.deaths + 1
        log.warning("worker lost", extra={"study": str(study_id), "attempt": study.attempts})
        if deaths >= settings.STUDY_MAX_DEATHS:
            _fail(study, deaths)
        else:
            _requeue(study, deaths)


def sweep() -> None:
    """Remove what nobody asks for any more: files of no study, and questions of programs."""
    storage.sweep(
        {
            *StudyFile.objects.values_list("name", flat=True),
            *StoredArtefact.objects.values_list("stored_name", flat=True),
            *Document.objects.values_list("stored_name", flat=True),
            *Training.objects.values_list("stored_name", flat=True),
        }
    )
    Inquiry.objects.filter(asked_at__lt=timezone.now() - INQUIRY_KEPT).delete()


def _requeue(study: Study, deaths: int) -> None:
    if _move(study, State.QUEUED, deaths=deaths, sent_at=None):
        transaction.on_commit(partial(queue.send, study.pk))


def _fail(study: Study, deaths: int) -> None:
    problem = Problem(STOPPED_THE_ANALYSER.code, STOPPED_THE_ANALYSER.message.format(deaths=deaths))
    if _move(study, State.FAILED, deaths=deaths, problems=[problem.as_json()], finished_at=timezone.now()):
        record(
            Action.FAIL,
            actor_label=WORKER,
            patient=study.patient_id,
            study=study.pk,
            kind="study",
            detail={"codes": [problem.code], "deaths": deaths},
        )


def _move(study: Study, state: State, **values: object) -> bool:
    """Move a study on if its lease is still the one that ran out."""
    check(study.state, state)
    return recall(study, state=state, **values)

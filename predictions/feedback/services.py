"""Asking for a training set, deciding on it, taking it out, throwing it away."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F, Max
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import notices
from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Problem, Refused, Text
from patients import consent
from predictions import jobs
from predictions.feedback.access import KIND, WRITTEN, may_decide
from predictions.feedback.models import Request, RequestState, TrainingSet
from predictions.models import JOB_PENDING
from predictions.storage import storage

LONGEST = 500
KEPT = timedelta(days=7)

NO_ALGORITHM = Problem(
    "algorithm_unknown",
    Text("Choose an algorithm of the list.", "Choisissez un algorithme dans la liste."),
    field="algorithm",
)
NO_PURPOSE = Problem(
    "purpose_missing",
    Text(
        f"Say in at most {LONGEST} characters what the training set is for: it is written into it.",
        f"Dites en {LONGEST} caractères au plus à quoi sert ce jeu d’entraînement : il le portera.",
    ),
    field="purpose",
)
NO_REASON = Problem(
    "reason_missing",
    Text(
        f"Say in at most {LONGEST} characters why you decline.",
        f"Dites en {LONGEST} caractères au plus pourquoi vous refusez.",
    ),
    field="reason",
)
DECIDED = Problem(
    "request_decided",
    Text("This was decided or withdrawn meanwhile.", "Cette demande a été tranchée ou retirée entre-temps."),
)
NOT_YOURS = Problem(
    "second_person",
    Text(
        "A second person decides: an administrator, or a lead of the unit, and never who asked.",
        "Une seconde personne décide : un administrateur ou un responsable du service, jamais le demandeur.",
    ),
)
GONE = Problem(
    "training_set_gone",
    Text(
        "The file was deleted. Ask for a new one: it will honour what patients have said since.",
        "Le fichier a été supprimé. Demandez-en un nouveau : il tiendra compte de ce que les patients ont "
        "dit depuis.",
    ),
)
BARRED = Problem(
    "training_set_barred",
    Text(
        "A patient in it is under a legal hold, is being erased or no longer agrees: the file stays here. "
        "Ask for a new one, which is without them.",
        "Un patient qui y figure est sous conservation légale, en cours d’effacement ou n’est plus "
        "d’accord : le fichier reste ici. Demandez-en un nouveau, qui sera sans lui.",
    ),
)
TO_DECIDE = Text(
    "A model steward asks for training set {number} ({algorithm}). Somebody else has to decide.",
    "Un responsable des modèles demande le jeu d’entraînement {number} ({algorithm}). Une autre personne "
    "doit décider.",
)
ERASED = "erased"
"""In the counts of a set: what patients were called in it whose record has been erased since."""
IS_WRITTEN = Text(
    "The training set {number} ({algorithm}) you asked for is written. Take it out within a week.",
    "Le jeu d’entraînement {number} ({algorithm}) que vous avez demandé est prêt. Sortez-le sous huit jours.",
)
WAS_LOST = Text(
    "The training set {number} ({algorithm}) you asked for could not be written. Its page says why.",
    "Le jeu d’entraînement {number} ({algorithm}) que vous avez demandé n’a pas pu être écrit. Sa page dit "
    "pourquoi.",
)
WAS_DECIDED = {
    RequestState.APPROVED: Text(
        "Your request for training set {number} ({algorithm}) was approved.",
        "Votre demande du jeu d’entraînement {number} ({algorithm}) est approuvée.",
    ),
    RequestState.DECLINED: Text(
        "Your request for training set {number} ({algorithm}) was declined; its page says why.",
        "Votre demande du jeu d’entraînement {number} ({algorithm}) est refusée ; sa page dit pourquoi.",
    ),
}


def ask(*, user: User, algorithm: str, purpose: str, invented: bool = False) -> Request:
    """Ask for a training set; whoever may decide is told.

    Raises
    ------
    ml.contracts.Refused
        With what is missing.
    """
    purpose = " ".join(purpose.split())
    problems = [] if algorithm in WRITTEN else [NO_ALGORITHM]
    problems += [] if 0 < len(purpose) <= LONGEST else [NO_PURPOSE]
    if problems:
        raise Refused(*problems)
    try:
        return _ask(user, algorithm, purpose, invented=invented)
    except IntegrityError:
        # Two stewards at once took one number: the second takes the next.
        return _ask(user, algorithm, purpose, invented=invented)


@transaction.atomic
def _ask(user: User, algorithm: str, purpose: str, *, invented: bool) -> Request:
    last = Request.objects.filter(algorithm=algorithm).aggregate(last=Max("number"))["last"]
    asked = Request.objects.create(
        algorithm=algorithm,
        number=(last or 0) + 1,
        purpose=purpose,
        invented=invented,
        asked_by=user,
        asked_at=timezone.now(),
    )
    detail = {"algorithm": algorithm, "purpose": purpose, "invented": invented}
    record(Action.REQUEST, actor=user, kind=KIND, object_id=str(asked.pk), detail=detail)
    unit = Unit.objects.filter(code=asked.contract.unit)
    deciders = {*notices.administrators(), *notices.leads(unit)} - {user}
    notices.notify(deciders, _said(TO_DECIDE, asked), link=page(asked))
    return asked


@transaction.atomic
def approve(*, user: User, asked: Request) -> TrainingSet:
    """Let it be made; a worker writes it.

    Raises
    ------
    ml.contracts.Refused
        When it was decided before, or ``user`` is not one who may.
    """
    agree(user=user, asked=asked)
    made = TrainingSet.objects.create(algorithm=asked.algorithm, request=asked, queued_at=timezone.now())
    jobs.start(made)
    return made


@transaction.atomic
def agree(*, user: User, asked: Request) -> None:
    """Be the second person of a set that the caller writes; raises as :func:`approve`."""
    _decide(user, asked, RequestState.APPROVED)
    detail = {"algorithm": asked.algorithm}
    record(Action.APPROVE, actor=user, kind=KIND, object_id=str(asked.pk), detail=detail)


@transaction.atomic
def decline(*, user: User, asked: Request, reason: str) -> None:
    """Decline it, with the reason; :class:`ml.contracts.Refused` as :func:`approve`, or without one."""
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= LONGEST:
        raise Refused(NO_REASON)
    _decide(user, asked, RequestState.DECLINED, reason)
    record(Action.DECLINE, actor=user, kind=KIND, object_id=str(asked.pk), detail={"reason": reason})


@transaction.atomic
def withdraw(*, user: User, asked: Request) -> None:
    """Take a request back before it is decided."""
    waiting = Request.objects.filter(pk=asked.pk, state=RequestState.ASKED, asked_by=user)
    if not waiting.update(state=RequestState.WITHDRAWN):
        raise Refused(DECIDED)
    record(Action.WITHDRAW, actor=user, kind=KIND, object_id=str(asked.pk))


def held_back(made: TrainingSet) -> Problem | None:
    """Return why a file may not leave the house now; patients are asked of anew each time."""
    if not made.stored_name:
        return GONE
    return BARRED if consent.barred(made.included.values_list("patient", flat=True)) else None


@transaction.atomic
def take(*, user: User, made: TrainingSet) -> None:
    """Put on record that the file leaves the house.

    Raises
    ------
    ml.contracts.Refused
        When it is deleted or not written yet, or somebody in it may not be learned from now.
    """
    if why := held_back(TrainingSet.objects.select_for_update().get(pk=made.pk)):
        raise Refused(why)
    TrainingSet.objects.filter(pk=made.pk).update(taken=F("taken") + 1)
    detail = {"algorithm": made.algorithm, "sha256": made.sha256, **made.counts}
    record(Action.DOWNLOAD, actor=user, kind=KIND, object_id=str(made.request_id), detail=detail)


def discard(made: TrainingSet, why: str) -> None:
    """Delete the file of a training set, on record; what it held and whom stays known."""
    name = made.stored_name
    if not name or not TrainingSet.objects.filter(pk=made.pk, stored_name=name).update(
        stored_name="", deleted_at=timezone.now()
    ):
        return
    detail = {"algorithm": made.algorithm, "why": why}
    record(Action.DISCARD, actor_label=WORKER, kind=KIND, object_id=str(made.request_id), detail=detail)
    transaction.on_commit(lambda: storage.discard(name))


def sweep() -> None:
    """Delete the files that are a week old; part of the watch."""
    old = TrainingSet.objects.filter(finished_at__lt=timezone.now() - KEPT).exclude(stored_name="")
    for made in old.exclude(state__in=JOB_PENDING):
        discard(made, "a week old")


def _decide(user: User, asked: Request, state: RequestState, reason: str = "") -> None:
    if not may_decide(user, asked):
        raise Refused(DECIDED if asked.state != RequestState.ASKED else NOT_YOURS)
    waiting = Request.objects.filter(pk=asked.pk, state=RequestState.ASKED).exclude(asked_by=user)
    if not waiting.update(state=state, decided_by=user, decided_at=timezone.now(), reason=reason):
        raise Refused(DECIDED)
    asked.refresh_from_db()
    notices.notify([asked.asked_by], _said(WAS_DECIDED[state], asked), link=page(asked))


def _said(text: Text, asked: Request) -> Text:
    title = asked.contract.title
    number = asked.number
    return Text(
        text.en.format(algorithm=title.en, number=number), text.fr.format(algorithm=title.fr, number=number)
    )


def tell_written(made: TrainingSet) -> None:
    """Tell who asked that the file lies here."""
    _tell(made, IS_WRITTEN)


def tell_lost(made: TrainingSet) -> None:
    """Tell who asked that there will be no file."""
    _tell(made, WAS_LOST)


def _tell(made: TrainingSet, said: Text) -> None:
    asked = made.request
    title = asked.contract.title
    text = Text(
        said.en.format(number=asked.number, algorithm=title.en),
        said.fr.format(number=asked.number, algorithm=title.fr),
    )
    notices.notify([asked.asked_by], text, link=page(asked))


def page(asked: Request) -> str:
    """Return where a request is shown."""
    return reverse("training_set", args=[asked.pk])

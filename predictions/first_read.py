"""Blind first: a reader says what they see before anything of the algorithm reaches them.

A wrong answer or a map shown first pulls readers along. So nothing of an algorithm whose contract says
``blind_first`` reaches anybody who has not committed a first impression of their own; whoever may not
commit one (colleagues of another unit) waits for the signature. What stands signed is open to all who may
see the study. While an amendment is written it stays open to whoever only reads; whoever may judge or sign
it commits first, as for any version. Pictures of what was sent are always given out.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text
from predictions import access
from predictions.deployments import selectors as deployments
from predictions.models import (
    Confidence,
    FirstRead,
    Impression,
    Prediction,
    Review,
    Signature,
    Study,
    Verdict,
)
from predictions.states import State

# What the analysis made of the file alone; everything else of a result comes from the model.
PICTURES = ("preview", "pixels")
POSITIVE = "PNEUMONIA"

FIRST_READ_MISSING = Problem(
    "first_read_missing",
    Text(
        "Commit your own first impression of this image before you read the answer of the algorithm.",
        "Enregistrez d’abord votre propre première lecture de cette image, avant de lire la réponse de "
        "l’algorithme.",
    ),
)
NOT_SIGNED_YET = Problem(
    "not_signed_yet",
    Text(
        "The unit that reads this image has not signed it yet. Its answer is shown once it is signed.",
        "Le service qui lit cette image ne l’a pas encore signée. La réponse s’affichera après la signature.",
    ),
)
SILENT = Problem(
    "silent_evaluation",
    Text(
        "This study belongs to a silent evaluation: the answer of the algorithm is stored and shown to "
        "nobody before the study is signed. Judge and sign as you would without it.",
        "Cette étude fait partie d’une évaluation silencieuse : la réponse de l’algorithme est "
        "enregistrée et n’est montrée à personne avant la signature de l’étude. Jugez et signez comme vous "
        "le feriez sans elle.",
    ),
)
NO_WHAT_IF = Problem(
    "what_if_silent",
    Text(
        "A silent evaluation is going on in this unit, so no figure is computed for another answer, of a "
        "signed study either: it would be one of the model. Try again once the evaluation has ended.",
        "Une évaluation silencieuse est en cours dans cette unité : aucun chiffre n’est calculé pour une "
        "autre réponse, même pour une étude signée, car il viendrait du modèle. Réessayez une fois "
        "l’évaluation terminée.",
    ),
)
IMPRESSION_MISSING = Problem(
    "impression_missing",
    Text(
        "Say what you see: normal, pneumonia, another abnormality, or that you cannot assess it.",
        "Indiquez ce que vous voyez : normal, pneumonie, autre anomalie, ou impossible à évaluer.",
    ),
    field="impression",
)
CONFIDENCE_MISSING = Problem(
    "confidence_missing",
    Text(
        "Say how sure you are: sure, fairly sure or unsure.",
        "Indiquez votre degré de certitude : sûr, assez sûr ou peu sûr.",
    ),
    field="confidence",
)
COMMITTED = Problem(
    "first_read_committed",
    Text(
        "Your first impression was committed before and stays as it is. Say in your review what you think "
        "now.",
        "Votre première lecture est déjà enregistrée et ne change plus. Donnez votre avis actuel dans la "
        "relecture.",
    ),
)
NOT_AWAITED = Problem(
    "first_read_not_awaited",
    Text(
        "No first impression is awaited for this study: it has no result to read, or it was signed.",
        "Aucune première lecture n’est attendue pour cette étude : elle n’a pas de résultat à lire, ou elle "
        "est déjà signée.",
    ),
)


class Blind(Refused):
    """Something of the algorithm was asked for by somebody it must not reach yet."""


def needed(user: User, study: Study) -> bool:
    """Return whether ``user`` must not see anything of the answer to ``study`` yet."""
    return study.pk in hidden(user, [study])


def hidden(user: User, studies: Iterable[Study]) -> set[UUID]:
    """Return which of ``studies`` have an answer that must not reach ``user`` yet, in few queries."""
    ready = [study for study in studies if study.state == State.READY]
    silent = deployments.silent(ready) if ready else set()
    return silent | uncommitted(user, ready)


def silent(study: Study) -> bool:
    """Return whether the answer to ``study`` reaches nobody before it is signed."""
    return study.state == State.READY and study.pk in deployments.silent([study])


def supposing(study: Study) -> bool:
    """Return whether figures may be asked for other answers than those of ``study``.

    Not while its unit evaluates in silence: a study that is signed would open what is closed for the next.
    """
    return not deployments.is_silent(study.unit_id, study.algorithm)


def awaited(user: User, study: Study) -> bool:
    """Return whether a first impression of ``user`` comes next."""
    if not study.contract.blind_first or not access.may_review(user, study):
        return False
    return study.pk in uncommitted(user, [study] if study.state == State.READY else [])


def uncommitted(user: User, studies: Iterable[Study]) -> set[UUID]:
    """Return which of ``studies``, all ready, wait for what ``user`` or their unit sees first in them."""
    waiting = {study.pk: study for study in studies if study.contract.blind_first}
    if not waiting:
        return set()
    committed = FirstRead.objects.filter(reader=user, study__in=waiting).values_list("study_id", flat=True)
    # Only before there were first reads could somebody judge without one: they know the answer.
    judged = Review.objects.filter(author=user, prediction__study__in=waiting)
    knowing = {*committed, *judged.values_list("prediction__study_id", flat=True)}
    signed = Signature.objects.filter(study__in=waiting).values_list("study_id", flat=True)
    units = set(user.units.values_list("pk", flat=True)) if user.clinical and signed else set()
    corrected_by_others = {pk for pk in signed if waiting[pk].unit_id not in units}
    return waiting.keys() - knowing - corrected_by_others


def require(user: User, study: Study) -> None:
    """Raise :class:`Blind`, with what to do, when the answer must not reach ``user`` yet."""
    if needed(user, study):
        raise Blind(why(user, study))


def why(user: User, study: Study) -> Problem:
    """Return what whoever may not see the answer can do about it."""
    if silent(study) and not awaited(user, study):
        return SILENT
    return FIRST_READ_MISSING if access.may_review(user, study) else NOT_SIGNED_YET


def shown_blind(name: str) -> bool:
    """Return whether an artefact is a picture of what was sent, which a blind reader has to see."""
    return name.startswith(PICTURES)


def of(user: User, study: Study) -> FirstRead | None:
    """Return what ``user`` said first, ``None`` before they did."""
    return FirstRead.objects.filter(study=study, reader=user).select_related("prediction").first()


def commit(*, user: User, study: Study, impression: str, confidence: str) -> FirstRead:
    """Keep what a reader sees before the answer, once and for good; the same sent twice is one.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When the reader does not care for patients in the study's unit; recorded.
    ml.contracts.Refused
        With what is missing; when another impression was committed before; or when none is awaited.
    """
    if not access.may_review(user, study):
        _record(Action.REFUSED, user, study)
        raise PermissionDenied
    _require_complete(impression, confidence)
    if not awaited(user, study):
        return _again(user, study, impression, confidence)
    read = FirstRead(
        study=study,
        reader=user,
        prediction=study.prediction,
        impression=impression,
        confidence=confidence,
        at=timezone.now(),
    )
    try:
        with transaction.atomic():
            read.save(force_insert=True)
            _record(Action.REVIEW, user, study, {"impression": impression, "confidence": confidence})
    except IntegrityError:
        # Two clicks at once: the unique key lets one through, the other finds what it kept.
        return _again(user, study, impression, confidence)
    return read


def _require_complete(impression: str, confidence: str) -> None:
    problems = [] if impression in Impression.values else [IMPRESSION_MISSING]
    problems += [] if confidence in Confidence.values else [CONFIDENCE_MISSING]
    if problems:
        raise Refused(*problems)


def _again(user: User, study: Study, impression: str, confidence: str) -> FirstRead:
    read = of(user, study)
    if read is None:
        raise Refused(NOT_AWAITED)
    if (read.impression, read.confidence) != (impression, confidence):
        raise Refused(COMMITTED)
    return read


def sees_pneumonia(read: FirstRead) -> bool | None:
    """Return what the reader said first to the question of the algorithm; ``None`` for no opinion."""
    return None if read.impression == Impression.CANNOT_ASSESS else read.impression == Impression.PNEUMONIA


def agrees(read: FirstRead) -> bool | None:
    """Return whether first impression and answer say the same of pneumonia; ``None`` for no opinion."""
    seen = sees_pneumonia(read)
    return None if seen is None else seen == _answers_pneumonia(read.prediction)


def changed_mind(user: User, prediction: Prediction, verdict: str) -> bool | None:
    """Return whether a verdict on the answer departs from what its reader said first of pneumonia.

    Returns
    -------
    bool or None
        ``None`` without a first read, or where either of the two is no opinion.
    """
    read = of(user, prediction.study)
    seen = sees_pneumonia(read) if read else None
    if seen is None or verdict == Verdict.CANNOT_ASSESS:
        return None
    answered = _answers_pneumonia(prediction)
    return seen != (answered if verdict == Verdict.AGREE else not answered)


def _answers_pneumonia(prediction: Prediction) -> bool:
    return prediction.result.get("label") == POSITIVE


def _record(action: Action, user: User, study: Study, detail: dict[str, str] | None = None) -> None:
    record(
        action, actor=user, patient=study.patient_id, study=study.pk, kind="first_read", detail=detail or {}
    )

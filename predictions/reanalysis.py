"""Analyse again: an answer of another version than the one in service, given anew beside the old one.

A new study of the same files. Nothing of the old one changes: its answer stays pinned, signed where it was
signed, and what people scored or wrote stays with it. Each of the two names the other, here and in the audit.
"""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from datetime import datetime

from django.db import IntegrityError
from django.db.models import QuerySet

from clinic.accounts.models import User
from ml import package as packages
from ml.contracts import InputKind, Problem, Refused, Text
from ml.package import BrokenPackage
from predictions import access, first_read, intake
from predictions.models import FirstRead, Prediction, Signature, Study
from predictions.states import State
from predictions.storage import storage

ANSWERED = (State.READY, State.SIGNED)

NOT_ANSWERED = Problem(
    "nothing_to_analyse_again",
    Text(
        "This study has no answer that its reader may see: there is nothing to analyse again.",
        "Cette étude n’a pas de réponse que son lecteur puisse voir\u00a0: il n’y a rien à réanalyser.",
    ),
)
NO_FILES = Problem(
    "no_files_to_analyse_again",
    Text(
        "Only a study of files that are still kept can be analysed again. An admission is assessed again "
        "with “Reassess”.",
        "Seule une étude dont les fichiers sont encore conservés peut être réanalysée. Une admission se "
        "réévalue avec «\u00a0Réévaluer\u00a0».",
    ),
)
SAME_VERSION = Problem(
    "same_version",
    Text(
        "The version in service gave this answer: it would say the same again.",
        "La version en service a donné cette réponse\u00a0: elle redirait la même chose.",
    ),
)
NONE_SERVES = Problem(
    "none_serves",
    Text(
        "No version is in service that could analyse it again. Tell the model steward.",
        "Aucune version n’est en service pour la réanalyser. Prévenez le responsable des modèles.",
    ),
)
ANSWERED_BEFORE = Problem(
    "answered_before",
    Text(
        "The version in service has answered these files already, in another study of the same files that "
        "this one names: it would say the same again.",
        "La version en service a déjà donné sa réponse sur ces fichiers, dans une autre étude des mêmes "
        "fichiers que celle-ci nomme\u00a0: elle redirait la même chose.",
    ),
)
REFUSALS = (NOT_ANSWERED, NO_FILES, SAME_VERSION, NONE_SERVES, ANSWERED_BEFORE)


def offered(user: User, study: Study) -> str:
    """Return the version in service that ``user`` may have analyse a study again, empty for none.

    Empty too where it did already, or is about to: :func:`later` says as which study.
    """
    if not access.may_submit(user, study.contract) or why_not(study):
        return ""
    version = _in_service(study)
    return "" if any(one.repeats_with == version for one in family(study)) else version


def why_not(study: Study) -> Problem | None:
    """Return why a study cannot be analysed again, ``None`` when it can."""
    if study.contract.input_kind is not InputKind.FILE:
        return NO_FILES
    if study.state not in ANSWERED or study.prediction is None or first_read.silent(study):
        return NOT_ANSWERED
    if not study.files.exists():
        return NO_FILES
    version = _in_service(study)
    if not version:
        return NONE_SERVES
    if version == study.prediction.package_version:
        return SAME_VERSION
    # What was analysed again with it is no refusal: asked for once more, it is that study.
    first = [one for one in family(study) if one.repeats_with != version]
    answers = Prediction.objects.filter(study__in=first, package_version=version)
    return ANSWERED_BEFORE if answers.exists() else None


def family(study: Study) -> list[Study]:
    """Return every study of the same files, as far as one repeats another: the first one sent leads."""
    found = step = [first_of(study)]
    while step := list(Study.objects.filter(repeats__in=step).order_by("submitted_at")):
        found = [*found, *step]
    return found


def first_of(study: Study) -> Study:
    """Return the first study of the same files that is still there."""
    while study.repeats is not None:
        study = study.repeats
    return study


def later(study: Study) -> QuerySet[Study]:
    """Return the studies that analysed the files of one again since, the latest first."""
    others = [one.pk for one in family(study) if one.submitted_at > study.submitted_at]
    found = Study.objects.filter(pk__in=others).exclude(pk=study.pk)
    return found.select_related("submitted_by").order_by("-submitted_at")


def shown_before(study: Study, at: datetime) -> bool | None:
    """Return whether somebody saw an answer to the same files in another study before ``at``.

    ``None`` where nobody can tell, because the study that was repeated is no longer there.
    """
    others = [one.pk for one in family(study) if one.pk != study.pk]
    read = FirstRead.objects.filter(study__in=others, at__lte=at)
    if read.exists() or Signature.objects.filter(study__in=others, signed_at__lte=at).exists():
        return True
    return None if study.repeats_with and not study.repeats_id else False


def ask(*, user: User, study: Study) -> Study:
    """Have the version in service analyse the files of an answered study, as a study of its own.

    Asked twice, it is the same new study.

    Returns
    -------
    Study
        Committed and on its way, with the channels its sender named then.

    Raises
    ------
    ml.contracts.Refused
        With one of :data:`REFUSALS`, or what :func:`predictions.intake.repeat` finds wrong.
    django.core.exceptions.PermissionDenied
        When this person may not submit studies of this kind.
    """
    if (problem := why_not(study)) is not None:
        raise Refused(problem)
    version = _in_service(study)
    if (before := _repetition(study, version)) is not None:
        return before
    key = uuid.uuid5(study.pk, f"{user.pk}/{version}").hex
    with ExitStack() as stack:
        files = [stack.enter_context(storage.open(file.name)) for file in study.files.all()]
        try:
            return intake.repeat(user=user, study=study, version=version, files=files, idempotency_key=key)
        except IntegrityError:
            # A colleague asked in the same moment: of one study and version there is one repetition.
            if (before := _repetition(study, version)) is None:
                raise
            return before


def _repetition(study: Study, version: str) -> Study | None:
    return next((one for one in family(study) if one.repeats_with == version), None)


def _in_service(study: Study) -> str:
    try:
        return packages.champion_version(study.algorithm)
    except BrokenPackage:
        return ""

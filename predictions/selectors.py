"""Reading studies: whoever may see the patient may see the patient's studies, nobody else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import get_language

from clinic.accounts.models import User
from clinic.templatetags.vigie import day
from ml import registry
from ml.contracts import InputKind
from predictions import access
from predictions.models import Prediction, Review, Study, StudyFile
from predictions.states import PENDING, State

MOST_EARLIER = 20


def worklist(user: User) -> QuerySet[Study]:
    """Return what the units of ``user`` are working on: waiting, running, to sign, failed or refused lately.

    Longest waiting first within a state; a signed study leaves the list, and so does an unsigned form that
    was assessed again in the same stay: the latest figure is the one to read.
    """
    forms = [c.name for c in registry.contracts(clinical=True) if c.input_kind is InputKind.FORM]
    later = Study.objects.filter(
        encounter=OuterRef("encounter"),
        algorithm=OuterRef("algorithm"),
        submitted_at__gt=OuterRef("submitted_at"),
        state__in=(State.READY, State.SIGNED),
    )
    return (
        access.for_user(user)
        .filter(unit__in=user.units.all())
        .exclude(state=State.SIGNED)
        .exclude(Exists(later), state=State.READY, algorithm__in=forms)
        .prefetch_related("predictions")
        .order_by("submitted_at")
    )


@dataclass(frozen=True, slots=True)
class Repetitions:
    """What of some studies was analysed again.

    Parameters
    ----------
    of
        Of each that analyses another again, when that other was sent.
    since
        Those whose files were analysed again later.
    """

    of: Mapping[UUID, datetime]
    since: Collection[UUID]


def repetitions(studies: Collection[Study]) -> Repetitions:
    """Return which of ``studies`` analyse another again, and which were analysed again since."""
    repeated = {study.repeats_id for study in studies if study.repeats_id}
    own = [study.pk for study in studies]
    near = Study.objects.filter(Q(pk__in=repeated) | Q(repeats__in=[*own, *repeated])).order_by()
    sent, latest = {}, {}
    for pk, repeats, at in near.values_list("pk", "repeats", "submitted_at"):
        sent[pk] = at
        latest[repeats] = max(at, latest.get(repeats, at))
    since = set()
    for study in studies:
        beside = latest.get(study.repeats_id) if study.repeats_id else None
        if study.pk in latest or (beside and beside > study.submitted_at):
            since.add(study.pk)
    of = {study.pk: sent[study.repeats_id] for study in studies if study.repeats_id in sent}
    return Repetitions(of, since)


def earlier_assessments(studies: Collection[Study]) -> Mapping[UUID, int]:
    """Return how many forms of the same kind were answered before in the stay of each study."""
    before = Study.objects.filter(
        encounter=OuterRef("encounter"),
        algorithm=OuterRef("algorithm"),
        submitted_at__lt=OuterRef("submitted_at"),
        state__in=(State.READY, State.SIGNED),
    )
    counted = before.order_by().values("algorithm").annotate(n=Count("pk")).values("n")
    forms = [study.pk for study in studies if study.contract.input_kind is InputKind.FORM]
    found = Study.objects.filter(pk__in=forms, encounter__isnull=False).annotate(before=Subquery(counted))
    return {study_id: count for study_id, count in found.values_list("pk", "before") if count}


def later_assessment(study: Study) -> Study | None:
    """Return the latest form of the same kind in the same stay, sent after this one; ``None`` without one.

    One that was refused or has failed took nobody's place.
    """
    if study.encounter_id is None or study.contract.input_kind is not InputKind.FORM:
        return None
    later = Study.objects.filter(
        encounter=study.encounter_id,
        algorithm=study.algorithm,
        submitted_at__gt=study.submitted_at,
        state__in=(*PENDING, State.READY, State.SIGNED),
    )
    return later.order_by("submitted_at").last()


def sent_before(study: Study) -> Study | None:
    """Return the latest earlier study of this patient and kind with one of its files, if any."""
    if study.contract.input_kind is InputKind.FORM:
        return None
    files = [file.sha256 for file in study.files.all()]
    same = Study.objects.filter(
        patient=study.patient_id,
        algorithm=study.algorithm,
        files__sha256__in=files,
        submitted_at__lt=study.submitted_at,
    )
    return same.order_by("submitted_at").last() if files else None


def earlier_taken(user: User, study: Study) -> list[Study]:
    """Return the answered studies of the same kind and patient that were taken earlier, the latest first.

    Those whose files say when they were taken come first, by that; then the others, by when they were sent,
    which says less. At most MOST_EARLIER are looked through. The very file of this study, sent before, is
    no earlier examination, and a link to it would lead past a blind reading.
    """
    again = StudyFile.objects.filter(sha256__in=study.files.values("sha256")).values("study")
    others = (
        access.for_user(user)
        .filter(patient=study.patient_id, algorithm=study.algorithm, state__in=(State.READY, State.SIGNED))
        .exclude(pk=study.pk)
        .exclude(pk__in=again)
        .prefetch_related("predictions")[:MOST_EARLIER]
    )
    now = taken(study)
    earlier = [other for other in others if taken(other) < now]
    return sorted(earlier, key=lambda other: (taken_at(other) != "", *taken(other)), reverse=True)


def taken(study: Study) -> tuple[str, str]:
    """Return when a study was taken and when it was sent, in ISO form without a zone: what sorts.

    Of two of the same day, whose files give no more than the day, the one sent first is the earlier one.
    """
    sent = timezone.localtime(study.submitted_at).replace(tzinfo=None).isoformat()
    return taken_at(study) or sent, sent


def taken_at(study: Study) -> str:
    """Return when the first image of a study was taken as its file says, in ISO form; empty if none says.

    A day after the one it was sent on cannot be, and says nothing.
    """
    result = study.prediction.result if study.prediction else {}
    return first_taken(study, result.get("images", ()))


def first_taken(study: Study, images: Iterable[Mapping[str, Any]]) -> str:
    """Return the same from what the result of ``study`` says of its images."""
    latest = timezone.localtime(study.submitted_at).date().isoformat()
    moments = [image.get("taken_at") for image in images]
    return min((moment for moment in moments if moment and moment[: len(latest)] <= latest), default="")


def position(study: Study) -> int:
    """Return how many studies wait in front of this one in its queue, itself included; 0 once it runs."""
    if study.state != State.QUEUED:
        return 0
    queue = [contract.name for contract in registry.contracts() if contract.queue == study.contract.queue]
    ahead = Q(submitted_at__lte=study.submitted_at) | Q(state=State.RUNNING)
    return Study.objects.filter(ahead, state__in=PENDING, algorithm__in=queue).count()


def last_review(prediction: Prediction, author: User) -> Review | None:
    """Return the latest opinion of ``author`` on ``prediction``."""
    return prediction.reviews.filter(author=author).last()


def names(ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Name studies for the audit pages: the algorithm and the day, nothing of the patient."""
    found = Study.objects.filter(pk__in=ids).only("algorithm", "submitted_at")
    language = get_language() or ""
    return {s.pk: f"{s.contract.title.to(language)} · {day(s.submitted_at)}" for s in found}

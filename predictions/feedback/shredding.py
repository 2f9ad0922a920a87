"""What of a patient the training sets hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from patients.erasure import Archive, Shredder, Subject
from predictions.feedback import uses
from predictions.feedback.models import Included, TrainingSet


def _rows(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [] if subject.study else [Included.objects.filter(patient=subject.patient)]


def _sets(subject: Subject) -> QuerySet[TrainingSet]:
    """Return the sets whose file still lies here and holds the patient; of one study, it may hold that."""
    held = Included.objects.filter(patient=subject.patient).values("training_set")
    return TrainingSet.objects.filter(pk__in=held).exclude(stored_name="")


def _files(subject: Subject) -> Iterable[tuple[str, int]]:
    return list(_sets(subject).values_list("stored_name", "size"))


def _forget_files(subject: Subject) -> None:
    if not subject.study:
        for line in Included.objects.filter(patient=subject.patient, withdrawn_at=None):
            uses.tell(line)
    _sets(subject).update(stored_name="", deleted_at=timezone.now())


def _export(subject: Subject, archive: Archive) -> None:
    lines = Included.objects.filter(patient=subject.patient).select_related("training_set__request")
    said = [
        {
            "algorithm": line.training_set.algorithm,
            "number": line.training_set.request.number,
            "written_at": line.training_set.finished_at,
            "name": line.name,
            "examples": line.examples,
        }
        for line in lines
    ]
    archive.put("training_sets.json", said)


SHREDDER = Shredder(
    "training_sets",
    _("Training sets that the record is in"),
    19,
    _rows,
    (Included,),
    files=_files,
    before=_forget_files,
    export=_export,
)

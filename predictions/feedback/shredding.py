"""What of a patient the training sets hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from patients.erasure import Archive, Shredder, Subject
from predictions.feedback import services, uses
from predictions.feedback.models import Included, TrainingSet


def _rows(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [] if subject.study else [Included.objects.filter(patient=subject.patient)]


def _sets(subject: Subject) -> QuerySet[TrainingSet]:
    """Return the sets whose file still lies here and holds the patient; of one study, it may hold that."""
    held = Included.objects.filter(patient=subject.patient).values("training_set")
    return TrainingSet.objects.filter(pk__in=held).exclude(stored_name="")


def _let_go_of_sets(subject: Subject) -> None:
    """Delete the files that hold others too: they are asked for again, and are then without this patient."""
    for made in _sets(subject):
        services.discard(made, "a patient was erased")
    if not subject.study:
        for line in Included.objects.filter(patient=subject.patient):
            if line.withdrawn_at is None:
                uses.tell(line)
            _remember(line)


def _remember(line: Included) -> None:
    """Keep what somebody was called in a set whose line goes with their record: copies may be elsewhere.

    A pseudonym, and the record that it could be computed from is gone.
    """
    made = TrainingSet.objects.select_for_update().get(pk=line.training_set_id)
    names = {*made.counts.get(services.ERASED, ()), line.name}
    made.counts = made.counts | {services.ERASED: sorted(names)}
    made.save(update_fields=["counts"])


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
    before=_let_go_of_sets,
    export=_export,
)

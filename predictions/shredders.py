"""What of a patient this floor erases: forms, documents, what people scored and signed, answers, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from patients.erasure import Archive, Shredder, Subject, register
from predictions import models
from predictions.models import (
    Amendment,
    BloodLoss,
    Disclosure,
    Document,
    Draft,
    Explanation,
    FirstRead,
    Prediction,
    ReadingReport,
    ReportedHypnogram,
    Review,
    Scoring,
    ScoringEvent,
    Signature,
    StoredArtefact,
    Study,
    StudyFile,
)
from predictions.states import PENDING

# By model, the way from one of its rows to the study.
TO_STUDY: dict[type[Model], str] = {
    Document: "study",
    Amendment: "signature__study",
    Signature: "study",
    ReportedHypnogram: "prediction__study",
    ScoringEvent: "scoring__study",
    Scoring: "study",
    Review: "prediction__study",
    ReadingReport: "study",
    FirstRead: "study",
    Explanation: "prediction__study",
    StoredArtefact: "prediction__study",
    Prediction: "study",
    StudyFile: "study",
}


def studies(subject: Subject) -> QuerySet[Study]:
    """Return the studies of a subject."""
    found = Study.objects.filter(patient=subject.patient)
    return found.filter(pk=subject.study) if subject.study else found


def of(model: type[Model], subject: Subject) -> QuerySet[Any]:
    """Return the rows of a model that belong to the studies of a subject."""
    way = TO_STUDY[model]
    found = model._default_manager.order_by().filter(**{f"{way}__patient": subject.patient})
    return found.filter(**{way: subject.study}) if subject.study else found


def _rows(*tables: type[Model]) -> Callable[[Subject], Sequence[QuerySet[Any]]]:
    return lambda subject: [of(model, subject) for model in tables]


def _files(model: type[Model], column: str) -> Callable[[Subject], Iterable[tuple[str, int]]]:
    return lambda subject: of(model, subject).exclude(**{column: ""}).values_list(column, "size")


def _let_go_of_sources(subject: Subject) -> None:
    """Scorings go on from one another: none may hold another back."""
    of(Scoring, subject).exclude(source=None).update(source=None)


def _drafts(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [] if subject.study else [Draft.objects.filter(patient=subject.patient)]


def _disclosures(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [] if subject.study else [Disclosure.objects.filter(patient=subject.patient)]


def _files_of_disclosures(subject: Subject) -> Iterable[tuple[str, int]]:
    for rows in _disclosures(subject):
        yield from rows.exclude(stored_name="").values_list("stored_name", "size")


def _losses(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [] if subject.study else [BloodLoss.objects.filter(encounter__patient=subject.patient)]


def _export_files(subject: Subject, archive: Archive) -> None:
    for file in of(StudyFile, subject):
        # The name a sender gave may hold anything: the place in the archive is ours, the name is data.
        archive.copy(f"studies/{file.study_id}/original-{file.number}", file.name)


def _export_artefacts(subject: Subject, archive: Archive) -> None:
    for artefact in of(StoredArtefact, subject).select_related("prediction"):
        place = (
            f"studies/{artefact.prediction.study_id}/artefacts/{artefact.prediction_id.hex[:8]}-{artefact.pk}"
        )
        archive.copy(place, artefact.stored_name)


def _export_documents(subject: Subject, archive: Archive) -> None:
    for document in of(Document, subject).exclude(stored_name=""):
        archive.copy(
            f"studies/{document.study_id}/documents/{document.kind}-{document.pk}", document.stored_name
        )


def _export_rows(name: str, *tables: type[Model]) -> Callable[[Subject, Archive], None]:
    """Write rows as they stand in the database, by model and column."""

    def export(subject: Subject, archive: Archive) -> None:
        archive.put(f"{name}.json", {model.__name__: list(of(model, subject).values()) for model in tables})

    return export


def _export_losses(subject: Subject, archive: Archive) -> None:
    archive.put("blood_loss.json", [list(rows.values()) for rows in _losses(subject)])


def _export_drafts(subject: Subject, archive: Archive) -> None:
    archive.put(
        "drafts.json", [list(rows.values("algorithm", "values", "saved_at")) for rows in _drafts(subject)]
    )


def _export_studies(subject: Subject, archive: Archive) -> None:
    archive.put("studies.json", list(studies(subject).values()))


def _shredder(name: str, title: Any, order: int, *tables: type[Model], **more: Any) -> Shredder:
    more.setdefault("export", _export_rows(name, *tables))
    return Shredder(name, title, order, _rows(*tables), tables, **more)


def register_all() -> None:
    """Register with :mod:`patients.erasure`."""
    register(Shredder("drafts", _("Forms not yet sent"), 10, _drafts, (Draft,), export=_export_drafts))
    register(
        Shredder(
            "disclosures", _("Lists of who opened the record"), 15, _disclosures, (Disclosure,),
            files=_files_of_disclosures,
        )
    )  # fmt: skip
    for shredder in (
        _shredder(
            "documents", _("Documents and exports"), 20, Document,
            files=_files(Document, "stored_name"), export=_export_documents,
        ),
        _shredder("signatures", _("Signatures and amendments"), 30, Amendment, Signature, ReportedHypnogram),
        _shredder(
            "scorings", _("Scorings, stroke by stroke"), 35, ScoringEvent, Scoring, before=_let_go_of_sources
        ),
        _shredder(
            "readings", _("Opinions, first impressions and written reports"), 40,
            Review, ReadingReport, FirstRead,
        ),
        _shredder("explanations", _("Explanations"), 50, Explanation),
        _shredder(
            "artefacts", _("Pictures, maps and signals made by the analysis"), 55, StoredArtefact,
            files=_files(StoredArtefact, "stored_name"), export=_export_artefacts,
        ),
        _shredder("results", _("Results"), 60, Prediction),
        _shredder(
            "study_files", _("Files sent in"), 65, StudyFile,
            files=_files(StudyFile, "name"), export=_export_files,
        ),
        Shredder(
            "studies", _("Studies with the answers of their forms"), 70, lambda subject: [studies(subject)],
            (Study,), export=_export_studies,
            # Its worker would write into what is gone.
            busy=lambda subject: studies(subject).filter(state__in=PENDING).exists(),
        ),
        Shredder("blood_loss", _("Blood loss of births"), 75, _losses, (BloodLoss,), export=_export_losses),
    ):  # fmt: skip
        register(shredder)


NAMES_NOBODY = (models.Inquiry, models.ChannelMapping)
"""Tables of this floor without any row about a patient: questions of programs, gone within the hour, and the
channels that a unit's recorders have."""

"""The kinds of documents: whom they suit and where their renderer is, imported on first use by a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO

from ml.contracts import Contract, Text

if TYPE_CHECKING:
    from predictions.outputs.facts import Facts

Renderer = Callable[["Facts"], bytes]
Copier = Callable[["Facts", BinaryIO], None]

SECONDS = 60
"""Enough to write any report; copying a recording takes as long as its gigabytes need."""
COPY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document.

    Parameters
    ----------
    renderer
        Dotted path of a module with ``render(facts) -> bytes``; of an export, with
        ``render(facts, target) -> None``, which writes it piece by piece.
    queues
        Queues of the algorithms it suits (``signals``: recordings, ``imaging``: images); empty for all.
    worded
        Whether it says anything in a language.
    export
        Whether it is what was sent, made ready to leave the house: no part of the answer, so of no version;
        thrown away after a day, and for those alone who work with such studies in the unit.
    research
        Of an export, whether it goes to people outside of care: only those who sign such studies give it out.
    seconds
        What a worker may take to write it.
    """

    code: str
    label: Text
    renderer: str
    media_type: str
    suffix: str
    queues: tuple[str, ...] = ()
    worded: bool = True
    export: bool = False
    research: bool = False
    seconds: int = SECONDS

    def suits(self, contract: Contract) -> bool:
        """Return whether results of this algorithm can be written so."""
        return not self.queues or contract.queue in self.queues


KINDS = {
    kind.code: kind
    for kind in (
        Kind(
            "pdf", Text("Report (PDF)", "Compte rendu (PDF)"),
            "predictions.outputs.pdf", "application/pdf", ".pdf",
        ),
        Kind(
            "fhir", Text("FHIR R4B bundle (JSON)", "Lot FHIR R4B (JSON)"),
            "predictions.outputs.fhir", "application/fhir+json", ".json",
        ),
        Kind(
            "csv", Text("Figures (CSV)", "Chiffres (CSV)"),
            "predictions.outputs.csv", "text/csv; charset=utf-8", ".csv",
        ),
        Kind(
            "csv_statistics", Text("Statistics of the night (CSV)", "Statistiques de la nuit (CSV)"),
            "predictions.outputs.csv_statistics", "text/csv; charset=utf-8", ".csv",
            queues=("signals",),
        ),
        Kind(
            "edf_hypnogram", Text("Hypnogram and events (EDF+)", "Hypnogramme et événements (EDF+)"),
            "predictions.outputs.edf_hypnogram", "application/octet-stream", ".edf",
            queues=("signals",), worded=False,
        ),
        Kind(
            "edf_anonymous", Text("Anonymised recording (EDF)", "Enregistrement anonymisé (EDF)"),
            "predictions.outputs.edf_anonymous", "application/octet-stream", ".edf",
            queues=("signals",), worded=False, export=True, seconds=COPY_SECONDS,
        ),
        Kind(
            "deidentified", Text("De-identified for research (ZIP)", "Désidentifié pour la recherche (ZIP)"),
            "predictions.outputs.deidentified", "application/zip", ".zip",
            worded=False, export=True, research=True, seconds=COPY_SECONDS,
        ),
        Kind(
            "dicom_sr", Text("Structured report (DICOM SR)", "Compte rendu structuré (DICOM SR)"),
            "predictions.outputs.dicom_sr", "application/dicom", ".dcm",
            queues=("imaging",),
        ),
        Kind(
            "dicom_sc", Text("Image with map (DICOM)", "Image avec carte (DICOM)"),
            "predictions.outputs.dicom_sc", "application/dicom", ".dcm",
            queues=("imaging",),
        ),
    )
}  # fmt: skip


def suiting(contract: Contract) -> tuple[Kind, ...]:
    """Return the kinds that results of this algorithm can be written as, in the order shown."""
    return tuple(kind for kind in KINDS.values() if kind.suits(contract))


def renderer(code: str) -> Renderer:
    """Import the renderer of a kind; only a worker may call this."""
    return import_module(KINDS[code].renderer).render


def copier(code: str) -> Copier:
    """Import the renderer of an export; only a worker may call this."""
    return import_module(KINDS[code].renderer).render

"""What nobody asks for any more: files that no row names, and questions of programs."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from patients.models import Erasure
from predictions.batches.models import BatchFile, Chunk, Output
from predictions.feedback.models import TrainingSet
from predictions.models import Disclosure, Document, Inquiry, StoredArtefact, StudyFile
from predictions.stewardship.models import Training
from predictions.storage import storage

INQUIRY_KEPT = timedelta(hours=1)
# Every column that names a file in private storage.
REFERENCES = (
    (StudyFile, "name"),
    (StoredArtefact, "stored_name"),
    (Document, "stored_name"),
    (Disclosure, "stored_name"),
    (Training, "stored_name"),
    (TrainingSet, "stored_name"),
    (Erasure, "export_name"),
    (BatchFile, "stored_name"),
    (Chunk, "stored_name"),
    (Output, "stored_name"),
)


def named() -> set[str]:
    """Return the names of all files that some row refers to."""
    return {
        name
        for model, column in REFERENCES
        for name in model.objects.exclude(**{column: ""}).values_list(column, flat=True)
    }


def sweep() -> None:
    """Remove files of no row, a day old, and questions that nobody waits for."""
    storage.sweep(named())
    Inquiry.objects.filter(asked_at__lt=timezone.now() - INQUIRY_KEPT).delete()

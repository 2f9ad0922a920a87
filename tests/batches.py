"""Batches for tests: tables of invented admissions, archives, and the work on them done in this process."""

from __future__ import annotations

import csv
import io
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from clinic.accounts.models import User
from ml.algorithms.haemorrhage.examples import EXAMPLES
from predictions import jobs
from predictions.batches import intake
from predictions.batches.models import Batch, Chunk, Format, Item, ItemState, Output, Stage
from predictions.models import JobState
from predictions.storage import receive, storage

WOMEN: list[dict[str, str]] = [
    {name: "" if value is None else str(value) for name, value in woman.items()} for woman in EXAMPLES
]


def table(rows: Sequence[Mapping[str, str]], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Write rows as a CSV file, every column that any of them has."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def admissions(count: int) -> list[dict[str, str]]:
    """Return rows of invented admissions, each with a number of its own."""
    return [{"reference": f"R{n:05}"} | WOMEN[n % len(WOMEN)] for n in range(count)]


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return a ZIP file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
    return made.getvalue()


def sent(
    user: User, content: bytes, *, algorithm: str = "haemorrhage", name: str = "in.csv", **how: Any
) -> Batch:
    """Send one file as a program does."""
    return intake.submit(
        user=user,
        algorithm=algorithm,
        files=[ContentFile(content, name)],
        idempotency_key=how.pop("key", uuid.uuid4().hex),
        language=how.pop("language", "en"),
        **how,
    )


def done(user: User) -> Batch:
    """Make a batch of one answered row with its result, without any worker."""
    batch = Batch.objects.create(
        algorithm="haemorrhage",
        created_by=user,
        created_at=timezone.now(),
        idempotency_key=uuid.uuid4().hex,
        fingerprint="0" * 64,
        language="en",
        package_version="0.0.1",
        package_sha256="0" * 64,
        stage=Stage.DONE,
        finished_at=timezone.now(),
    )
    Item.objects.create(batch=batch, number=1, state=ItemState.OK)
    for form in Format:
        kept = receive(ContentFile(b"row"), limit=100)
        name = storage.adopt(kept, "batches")
        Output.objects.create(batch=batch, format=form, stored_name=name, size=kept.size, sha256=kept.sha256)
    return batch


def work_off(batch: Batch, *, most: int = 1000) -> Batch:
    """Do the waiting work on a batch, as its workers would, until nothing waits or ``most`` are done."""
    for _piece in range(most):
        chunk = Chunk.objects.filter(batch=batch, state=JobState.QUEUED).order_by("queued_at").first()
        if chunk is None:
            break
        jobs.work("batch", chunk.pk)
    batch.refresh_from_db()
    return batch

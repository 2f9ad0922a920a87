"""Trainings for tests: tables of births that never happened, and trainings at every step."""

from __future__ import annotations

import csv
import io
import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django.core.files.base import ContentFile

from clinic.accounts.models import User
from predictions.stewardship import services
from predictions.stewardship.models import Training

HEADER = ("mother_id", "admission_date", "parity", "haemoglobin_g_dl", "blood_loss_ml")
FIRST_DAY = date(2023, 1, 1)


def births(rows: int = 400, *, severe: int = 20, seed: int = 0) -> list[list[str]]:
    """Return lines of a small table: as many severe haemorrhages as asked, spread over two years."""
    chance = random.Random(seed)
    losses = [1200] * severe + [300] * (rows - severe)
    chance.shuffle(losses)
    return [
        [
            f"SYN-{index:06d}",
            (FIRST_DAY + timedelta(days=index * 700 // rows)).isoformat(),
            str(chance.randrange(4)),
            f"{chance.uniform(9.5, 13.5):.1f}",
            str(loss + 10 * chance.randrange(10)),
        ]
        for index, loss in enumerate(losses)
    ]


def table(
    rows: Iterable[Sequence[str]] | None = None, *, header: Sequence[str] = HEADER, delimiter: str = ","
) -> bytes:
    """Write lines below a header as CSV in UTF-8."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(births() if rows is None else rows)
    return stream.getvalue().encode()


def uploaded(by: User, content: bytes | None = None, **fields: Any) -> Training:
    """Make a training whose columns wait to be named."""
    file = ContentFile(table() if content is None else content, name=fields.pop("name", "births.csv"))
    key = fields.pop("key", uuid.uuid4().hex)
    made = services.upload(user=by, algorithm="haemorrhage", file=file, idempotency_key=key)
    if fields:
        Training.objects.filter(pk=made.pk).update(**fields)
        made.refresh_from_db()
    return made

"""The least that a database asks for: one small row, in a transaction of its own."""

from __future__ import annotations

from pathlib import Path

from django.utils import timezone

from bench.measuring import Samples, cpu_ms
from clinic.audit.models import Verification

ROWS = 200


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per row."""

    def write() -> None:
        for number in range(ROWS):
            Verification.objects.create(at=timezone.now(), seals=number)

    write()
    return {"row_cpu_ms": [spent / ROWS for spent in cpu_ms(write, repeats)]}

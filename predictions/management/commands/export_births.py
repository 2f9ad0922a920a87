"""``manage.py export_births --out births.csv``: the wards' own births, to train a model of this hospital."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import translation

from predictions import births_csv

MAPPING = "mapping.yaml"


class Command(BaseCommand):
    """Writes births with their measured blood loss, without names, and how to read the columns."""

    help = (
        "Write every birth with a recorded blood loss: the answers of one assessment before it, and the "
        "loss. Mothers are pseudonymous. A mapping.yaml is written beside it."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file and which assessment to take."""
        parser.add_argument("--out", type=Path, required=True, metavar="CSV", help="file to write; new")
        parser.add_argument(
            "--assessment",
            choices=(births_csv.LAST, births_csv.FIRST),
            default=births_csv.LAST,
            help="of several assessments of one birth, the last before it or the first (default: last)",
        )
        parser.add_argument(
            "--invented", action="store_true", help="write the invented patients of the demo too"
        )

    def handle(self, *args: Any, out: Path, assessment: str, invented: bool, **options: Any) -> None:
        """Write both files, readable by their owner alone, and say what is in them."""
        mapping = out.with_name(MAPPING)
        for path in (out, mapping):
            if path.exists():
                raise CommandError(f"{path} exists already; move it away or choose another folder.")
        if not out.parent.is_dir():
            raise CommandError(f"There is no folder {out.parent}.")
        # What is taken out and the record of it stand or fall together.
        with transaction.atomic(), translation.override("en"):
            made = births_csv.export(which=assessment, invented=invented)
            if not made.births:
                raise CommandError(
                    "No birth has both an assessment and a blood loss recorded after it; nothing was "
                    f"written.{_left_out(made)}"
                )
            _write(out, made.csv)
            _write(mapping, made.mapping)
        self.stdout.write(
            f"{births_csv.counted(made.births, 'birth', 'births')}, {made.severe} with 1000 mL or more: "
            f"{out}, {mapping}\n"
            "Mothers are pseudonymous, not anonymous: keep the file where patient data may be kept."
            f"{_left_out(made)}"
        )


def _left_out(made: births_csv.Export) -> str:
    """Say what is not in the table and why; nothing when everything is."""
    reasons = made.left_out.told()
    return f"\nLeft out: {'; '.join(reasons)}." if reasons else ""


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)

"""Write one study for research, without anybody's name: the same ZIP that its page gives out."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Refused
from predictions import first_read
from predictions.models import Document, Study
from predictions.outputs import deidentified, facts
from predictions.outputs.ordering import EXPORT

KIND = "deidentified"


class Command(BaseCommand):
    """Export one study."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which study, and where to."""
        parser.add_argument("study", type=UUID, help="its id, as in the address of its page")
        parser.add_argument("out", type=Path, help="the ZIP to write; must not be there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it, on record."""
        study = Study.objects.select_related("patient").filter(pk=options["study"]).first()
        if study is None or study.prediction is None:
            raise CommandError("there is no such study, or it has no result yet")
        if first_read.silent(study):
            raise CommandError(first_read.SILENT.message.en)
        reader: User = study.submitted_by
        document = Document(
            study=study, prediction=study.prediction, kind=KIND, language="en", created_by=reader,
            created_at=timezone.now(),
        )  # fmt: skip
        try:
            descriptor = os.open(options["out"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise CommandError(f"{options['out']} is there already") from error
        except OSError as error:
            raise CommandError(f"{options['out']} cannot be written: {error.strerror}") from error
        try:
            with os.fdopen(descriptor, "wb") as target:
                deidentified.render(facts.gather(document), target)
        except Refused as refusal:
            options["out"].unlink()
            raise CommandError(refusal.problems[0].message.en) from refusal
        except OSError as error:
            options["out"].unlink()
            raise CommandError(f"{options['out']} was not written: {error.strerror}") from error
        record(Action.EXPORT, patient=study.patient_id, study=study.pk, kind=EXPORT, detail={"kind": KIND})
        self.stdout.write(f"{options['out']} written. Look at every picture before it leaves.")

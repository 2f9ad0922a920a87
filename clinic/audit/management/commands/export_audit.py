"""``manage.py export_audit``: events as FHIR AuditEvents, for a repository of them or an investigation."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser

from clinic.audit import fhir, selectors
from clinic.audit.classes import ActionClass
from clinic.audit.models import Action
from clinic.audit.recording import record


class Command(BaseCommand):
    """Writes the events that match everything given; itself on record."""

    help = (
        "Write audit events as FHIR R4B AuditEvents (IHE BALP), oldest first, to a file or standard output."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the form, the file and the filters."""
        parser.add_argument("--form", choices=sorted(fhir.MEDIA_TYPES), default=fhir.NDJSON)
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="a new file; without, standard output"
        )
        parser.add_argument("--first", type=date.fromisoformat, metavar="YYYY-MM-DD", help="from this day")
        parser.add_argument("--last", type=date.fromisoformat, metavar="YYYY-MM-DD", help="to this day")
        parser.add_argument("--after", type=int, default=0, metavar="ID", help="only events after this one")
        parser.add_argument("--person", default="", help="user name, or a part of the name")
        parser.add_argument("--patient", type=UUID, metavar="UUID", help="events about this record")
        parser.add_argument("--kind", choices=ActionClass.values, default="", help="class of actions")
        parser.add_argument("--emergency", action="store_true", help="emergency accesses only")

    def handle(self, *args: Any, **options: Any) -> None:
        """Record the export, then write."""
        filters = ("first", "last", "person", "kind", "emergency")
        events = selectors.events(**{name: options[name] for name in filters}).filter(pk__gt=options["after"])
        if options["patient"]:
            events = events.filter(patient=options["patient"])
        said = {name: options[name] for name in (*filters, "after", "form") if options[name]}
        record(Action.EXPORT, patient=options["patient"], kind="audit", detail=said)
        with ExitStack() as stack:
            if options["output"]:
                options["output"].touch(mode=0o600, exist_ok=False)
                target = stack.enter_context(options["output"].open("wb"))
            else:
                target = sys.stdout.buffer
            for piece in fhir.written(events, options["form"]):
                target.write(piece)

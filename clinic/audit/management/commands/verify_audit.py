"""``manage.py verify_audit``: is the audit what it was?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Max

from clinic.audit.models import Seal
from clinic.audit.verify import BeyondTheEnd, Outcome, verify


class Command(BaseCommand):
    """Walks the chain beside its anchors; exit status 0 when all is well, 1 otherwise."""

    help = "Check every link of the audit chain and its anchors, and name the first bad row. 0: well, 1: not."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add where to begin, what to check anchors with, and the form of the answer."""
        parser.add_argument(
            "--since", type=int, default=1, metavar="POSITION", help="begin here; never counts for the whole"
        )
        parser.add_argument(
            "--public-key", type=Path, action="append", default=[], metavar="FILE",
            help="check anchors with the keys in this file (PEM) instead of those of this machine",
        )  # fmt: skip
        parser.add_argument(
            "--anchors", type=Path, action="append", default=[], metavar="FILE",
            help="also read these anchors, such as a log server kept them",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="answer in JSON, for a program")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, showing how far it is."""
        total = Seal.objects.aggregate(Max("position"))["position__max"] or 0
        live = self.stderr.isatty()

        def progress(done: int) -> None:
            if live:
                self.stderr.write(f"\r{done:,} of {total:,} seals", ending="")

        since = max(options["since"], 1)
        try:
            outcome = verify(
                progress, since=since, public_keys=options["public_key"], anchor_files=options["anchors"]
            )
        except BeyondTheEnd as error:
            raise CommandError(str(error)) from error
        if live:
            self.stderr.write("")
        if options["json"]:
            self.stdout.write(json.dumps({"ok": outcome.ok, "since": since, **asdict(outcome)}))
        else:
            self._say(outcome, since)
        if not outcome.ok:
            sys.exit(1)

    def _say(self, outcome: Outcome, since: int) -> None:
        for warning in outcome.warnings:
            self.stderr.write(f"attention: {warning}")
        for fault in outcome.faults:
            self.stderr.write(f"broken: {fault.text}")
        begun = "the first" if since <= 1 else f"seal {since}"
        redacted = f", {outcome.redacted:,} of them redacted" if outcome.redacted else ""
        self.stdout.write(f"{outcome.seals - since + 1:,} seals verified from {begun}{redacted}")
        if since > 1:
            self.stdout.write(f"what lies before seal {since} was not looked at")
        for where, seen in outcome.anchors.items():
            self.stdout.write(f"{seen:,} anchors verified in {where}")

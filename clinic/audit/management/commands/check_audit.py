"""``manage.py check_audit``: for monitoring, whether anything about the audit has to be seen to."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from clinic.audit import alarms
from clinic.audit.seal import chain_state

CRITICAL = 2


class Command(BaseCommand):
    """Says what is wrong; exit status as Nagios and its kin read it."""

    help = "Say whether events are sealed and anchored. Exit 0: all is well, 2: somebody has to see to it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--json``."""
        parser.add_argument("--json", action="store_true", help="answer in JSON, for a program")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, say and exit."""
        found, state = alarms.watch(), chain_state()
        if options["json"]:
            said = {alarm.code: alarm.text.en for alarm in found}
            self.stdout.write(json.dumps({"sealed": state.sealed, "waiting": state.waiting, "alarms": said}))
        else:
            for alarm in found:
                self.stdout.write(f"{alarm.code}: {alarm.text.en}")
            if not found:
                self.stdout.write(f"ok: {state.sealed} sealed, {state.waiting} waiting")
        if found:
            sys.exit(CRITICAL)

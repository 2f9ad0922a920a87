"""Send an invented input through the live queue, wait for the answer, and say how long each stage took.

Ends with 0 when the algorithm answered as it should, with 1 when it did not, and with 2 when no answer came
within the time.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml.contracts import Refused
from predictions.api.testbench import as_json
from predictions.models import JOB_PENDING
from predictions.testbench import selectors, services
from predictions.testbench.models import LARGEST_SEED, BenchRun, Sample

PAUSE = 0.5
NOT_AS_EXPECTED, NO_ANSWER = 1, 2


class Command(BaseCommand):
    """What the page does, for whoever works at a terminal; each test is some steward's and on record."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to send, for whom, and how long to wait."""
        parser.add_argument("sample", choices=Sample.values)
        parser.add_argument("--as", dest="person", required=True, metavar="USERNAME", help="a model steward")
        parser.add_argument("--seed", type=int, help=f"0 to {LARGEST_SEED}; drawn when left out")
        parser.add_argument("--wait", type=float, default=120, help="seconds to wait for the answer")
        parser.add_argument("--json", action="store_true", help="the answer as the API gives it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send it, wait, and tell."""
        run = self._send(options)
        until = time.monotonic() + options["wait"]
        while run.state in JOB_PENDING and time.monotonic() < until:
            time.sleep(PAUSE)
            run.refresh_from_db()
        if options["json"]:
            self.stdout.write(json.dumps(as_json(run), ensure_ascii=False))
        else:
            # As the rest of what a terminal says: the names of the stages are those of the page otherwise.
            with translation.override("en"):
                self._tell(run)
        if run.state in JOB_PENDING:
            raise CommandError(
                "no worker answered yet; the page of the test bench goes on", returncode=NO_ANSWER
            )
        if not selectors.as_expected(run):
            raise CommandError("not as expected", returncode=NOT_AS_EXPECTED)

    def _send(self, options: dict[str, Any]) -> BenchRun:
        person = User.objects.filter(username=options["person"], is_active=True, role=Role.STEWARD).first()
        if person is None:
            raise CommandError(f"there is no model steward called {options['person']!r} who may log in")
        try:
            return services.send(user=person, sample=options["sample"], seed=options["seed"])
        except Refused as refusal:
            raise CommandError("\n".join(problem.message.en for problem in refusal.problems)) from refusal

    def _tell(self, run: BenchRun) -> None:
        self.stdout.write(f"TEST {run.sample} seed {run.seed} -> {run.algorithm} {run.package_version}")
        if run.deaths:
            self.stdout.write(f"  {run.deaths} workers were lost at it: their time counts as waiting")
        for stage in selectors.stages(run):
            self.stdout.write(f"  {stage.name:8} {stage.ms:10,.1f} ms  {stage.label}")
        if headline := run.report.get("headline"):
            self.stdout.write(f"  TEST: {headline['en']}")
        if found := selectors.compared(run):
            self.stdout.write(
                f"  {100 * found['accuracy']:.1f} % of {found['epochs']} epochs as the night was made"
            )
        for problem in run.problem_list:
            self.stdout.write(f"  {problem.code}: {problem.message.en}")

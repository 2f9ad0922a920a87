"""Run stored inputs through the packages that answered again, and compare.

Ends with 0 when every answer is the same (byte for byte on the processor and libraries of then, elsewhere
within the tolerances of predictions/replaying.py), with 1 when one is different, and with 2 when none is but
some could not be replayed (package gone, file erased, study refused).
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ml import registry
from ml.contracts import Problem, Refused
from ml.package_upkeep import Copy
from predictions import replaying
from predictions.differences import placed
from predictions.models import Prediction
from predictions.replaying import Comparison, Verdict

DIFFERENT, NOT_REPLAYED = 1, 2
KEPT = {
    Copy.ADDED: "its package was not among the kept ones; it is kept now",
    Copy.REPLACED: "the kept copy of its package was damaged; it was replaced by a whole one",
    Copy.NOT_WRITTEN: "its package has no whole kept copy, and none could be written; look at the log",
}
MOST_SHOWN = 20


class Command(BaseCommand):
    """Replay one answer, several, or all since a day."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which answers, and in which form to say what came of it."""
        parser.add_argument("prediction", nargs="*", type=UUID, help="number of a prediction or of its study")
        parser.add_argument("--all", action="store_true", help="every answer there is, the oldest first")
        parser.add_argument(
            "--since", type=date.fromisoformat, help="with --all: from this day on, YYYY-MM-DD, here"
        )
        parser.add_argument("--algorithm", choices=registry.names(), help="with --all: of this one alone")
        parser.add_argument("--json", action="store_true", help="one JSON line for each answer")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay them one by one and say what came of each."""
        if bool(options["prediction"]) == options["all"]:
            raise CommandError("name the predictions, or say --all", returncode=NOT_REPLAYED)
        if not options["all"] and (options["since"] or options["algorithm"]):
            raise CommandError("--since and --algorithm choose among --all", returncode=NOT_REPLAYED)
        counts: Counter[str] = Counter()
        for identifier in options["prediction"] or _all(options["since"], options["algorithm"]):
            counts[self._one(identifier, as_json=options["json"])] += 1
        told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))
        if counts[Verdict.DIFFERENT]:
            raise CommandError(told, returncode=DIFFERENT)
        if counts["not_replayed"]:
            raise CommandError(told, returncode=NOT_REPLAYED)
        if not options["json"]:
            self.stdout.write(told or "there is nothing to replay")

    def _one(self, identifier: UUID, *, as_json: bool) -> str:
        try:
            comparison = replaying.replay(replaying.find(identifier))
        except Refused as refusal:
            return self._not_replayed(identifier, refusal.problems, as_json=as_json)
        if as_json:
            self.stdout.write(json.dumps(comparison.as_json(), ensure_ascii=False))
        else:
            self._tell(comparison)
        return comparison.verdict

    def _not_replayed(self, identifier: UUID, problems: tuple[Problem, ...], *, as_json: bool) -> str:
        if as_json:
            said = [problem.as_json() for problem in problems]
            line = {"prediction": str(identifier), "verdict": "not_replayed", "problems": said}
            self.stdout.write(json.dumps(line, ensure_ascii=False))
        else:
            for problem in problems:
                self.stdout.write(f"{identifier}: not replayed. {problem.message.en}")
        return "not_replayed"

    def _tell(self, comparison: Comparison) -> None:
        how = "byte for byte" if comparison.exact else "within tolerance"
        answered = f"{comparison.algorithm} {comparison.version} {comparison.sha256[:12]}"
        verdict = comparison.verdict.replace("_", " ")
        self.stdout.write(
            f"{comparison.prediction}: {verdict} ({answered}, compared {how}, {comparison.seconds:.1f} s)"
        )
        if comparison.kept in KEPT:
            self.stdout.write(f"  {KEPT[comparison.kept]}")
        for path in comparison.left_out:
            self.stdout.write(f"  {path}: written by later releases, nothing was stored to compare it with")
        for name, (then, now) in comparison.elsewhere.items():
            self.stdout.write(f"  {name}: {then or 'not recorded'} then, {now or 'none'} now")
        for difference in comparison.differences[:MOST_SHOWN]:
            stored, replayed = placed(difference.stored, difference.replayed)
            self.stdout.write(f"  {difference.path}: {stored} stored, {replayed} replayed")
        if (more := len(comparison.differences) - MOST_SHOWN) > 0:
            self.stdout.write(f"  and {more} more; --json lists them all")


def _all(since: date | None, algorithm: str | None) -> Iterator[UUID]:
    found = Prediction.objects.order_by("created_at")
    if since:
        found = found.filter(created_at__gte=datetime.combine(since, time(), timezone.get_default_timezone()))
    if algorithm:
        found = found.filter(study__algorithm=algorithm)
    yield from list(found.values_list("pk", flat=True))

"""``manage.py monitor``: do the windows that are due, or hold chosen days against others, here and now."""

from __future__ import annotations

import argparse
import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from clinic.accounts.models import Unit
from ml import registry
from ml.contracts import Refused
from ml.monitoring import wording
from ml.monitoring.hysteresis import Level
from predictions import jobs
from predictions.models import JobState
from predictions.monitoring import services, work
from predictions.monitoring import windows as monitoring
from predictions.monitoring.days import Days
from predictions.monitoring.models import Against, Report

DAYS = ("first", "last", "reference_first", "reference_last")
CHOSEN = (*DAYS, "training")
WHICH = "name an algorithm to see its latest window, or --due to do what is due"
NOTHING = "nothing to show yet: no window was done (manage.py monitor --due does what is due)"


class Command(BaseCommand):
    """What the page shows, for scripts and for a look over the line."""

    help = "Show the latest window of a unit, do the windows that are due, or compare chosen days."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Name the algorithm, the unit and the days."""
        clinical = [contract.name for contract in registry.contracts(clinical=True)]
        parser.add_argument("algorithm", nargs="?", choices=clinical)
        parser.add_argument("--unit", default="", help="code of the unit (default: that of the algorithm)")
        parser.add_argument("--due", action="store_true", help="do every window that is due, in this process")
        for name in ("first", "last", "reference-first", "reference-last"):
            parser.add_argument(f"--{name}", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--training", action="store_true", help="hold the days against the training")
        parser.add_argument("--json", action="store_true", help="write JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked."""
        if options["due"]:
            for algorithm, unit in monitoring.pairs():
                self._due(algorithm, unit, options)
        if not options["algorithm"]:
            if not options["due"]:
                raise CommandError(WHICH)
            return
        unit = _unit(options)
        if any(options[name] for name in CHOSEN):
            self._write(_asked(unit, options), options)
            return
        self._show(options["algorithm"], unit, options)

    def _show(self, algorithm: str, unit: Unit, options: dict[str, Any]) -> None:
        """Show the last window that ended; before one that was done, that a later one was not."""
        lost = monitoring.stopped(algorithm, unit)
        done = monitoring.daily(algorithm, unit).filter(state=JobState.DONE).order_by("-last_day").first()
        shown = [one for one in (lost, done) if one is not None]
        if not shown:
            raise CommandError(NOTHING)
        for one in shown[:1] if options["json"] else shown:
            self._write(one, options)

    def _due(self, algorithm: str, unit: Unit, options: dict[str, Any]) -> None:
        while row := monitoring.begin(algorithm, unit):
            jobs.work("monitoring", row.pk)
            row.refresh_from_db()
            self._write(row, options)

    def _write(self, report: Report, options: dict[str, Any]) -> None:
        if options["json"]:
            days = {"first": report.first_day.isoformat(), "last": report.last_day.isoformat()}
            named = {"algorithm": report.algorithm, "unit": report.unit.code}
            problems = [problem.as_json() for problem in report.problem_list]
            ended = {"state": str(report.state), "problems": problems, "content": report.content}
            self.stdout.write(json.dumps(named | days | ended, ensure_ascii=False))
            return
        title = f"{report.algorithm} {report.unit.code} {report.first_day} to {report.last_day}"
        self.stdout.write(f"{title}: {report.state}")
        for problem in report.problem_list:
            self.stdout.write(f"  {problem.message.en}")
        for line in _lines(report.content or {}):
            self.stdout.write(f"  {line}")


def _lines(content: dict[str, Any]) -> list[str]:
    lines = [f"{content['n']} patients against {content['reference_n']}"] if content else []
    for field in content.get("fields", ()):
        for kind, level in (("drift", field["level"]), ("missing", field["missing_level"])):
            key = f"{kind}:{field['name']}"
            if level == Level.RAISED:
                lines.append(f"{field['name']}: {wording.sentence(key, content).en}")
    if calibration := content.get("calibration"):
        lines.append(
            f"calibration: {calibration['observed']:g} observed, {calibration['expected']:.1f} expected of "
            f"{calibration['n']}: {calibration['level']}"
        )
    return lines


def _unit(options: dict[str, Any]) -> Unit:
    code = options["unit"] or registry.contract(options["algorithm"]).unit
    unit = Unit.objects.filter(code=code).first()
    if unit is None:
        raise CommandError(f"there is no unit with the code {code!r}")
    return unit


def _asked(unit: Unit, options: dict[str, Any]) -> Report:
    """Return a report over chosen days that is shown and not kept: whole weeks, as on the page."""
    wanted = DAYS[:2] if options["training"] else DAYS
    if missing := [f"--{name.replace('_', '-')}" for name in wanted if not options[name]]:
        raise CommandError(f"give {', '.join(missing)} too")
    live = not options["training"]
    window = _weeks(options["first"], options["last"])
    reference = _weeks(options["reference_first"], options["reference_last"]) if live else None
    try:
        services.require(window, reference, live=live)
        report = Report(
            algorithm=options["algorithm"],
            unit=unit,
            first_day=window.first,
            last_day=window.last,
            against=Against.LIVE if live else Against.TRAINING,
            reference_first=reference.first if live else None,
            reference_last=reference.last if live else None,
            queued_at=timezone.now(),
            state="done",
        )
        report.content = work.content_of(report)
    except Refused as refusal:
        raise CommandError("; ".join(problem.message.en for problem in refusal.problems)) from refusal
    return report


def _weeks(first: date, last: date) -> Days | None:
    return services.weeks_of(first.isoformat(), last.isoformat())

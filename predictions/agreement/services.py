"""Asking for a report of agreement, and throwing old ones away."""

from __future__ import annotations

import re
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Contract, Problem, Refused, Text
from predictions import jobs
from predictions.agreement.access import KIND
from predictions.agreement.models import Report
from predictions.models import JOB_PENDING, Prediction

MOST_MONTHS = 60
KEPT = timedelta(days=180)
"""What people said changes, and figures about staff are not kept for ever."""
MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")

NO_MONTH = Text(
    "Name the month as a year and two digits, such as 2026-03.",
    "Indiquez le mois par l’année et deux chiffres, par exemple 2026-03.",
)
ORDER = Problem(
    "months_reversed",
    Text("The last month comes before the first.", "Le dernier mois précède le premier."),
    field="until",
)
TOO_LONG = Problem(
    "months_many",
    Text(f"Choose at most {MOST_MONTHS} months.", f"Choisissez {MOST_MONTHS} mois au plus."),
    field="until",
)
NO_VERSION = Problem(
    "version_unknown",
    Text(
        "No answer here is of this version. Choose one of the list.",
        "Aucune réponse n’est de cette version. Choisissez dans la liste.",
    ),
    field="version",
)


def versions(algorithm: str) -> list[str]:
    """Return the versions that answered a study here."""
    found = Prediction.objects.filter(study__algorithm=algorithm).order_by("package_version")
    return list(found.values_list("package_version", flat=True).distinct())


def ask(*, user: User, contract: Contract, unit: Unit, version: str = "", since: str, until: str) -> Report:
    """Have a report counted; the same asked twice while it waits is one.

    Parameters
    ----------
    version
        Empty for every version.
    since, until
        First and last month (``"2026-03"``).

    Raises
    ------
    ml.contracts.Refused
        With every reason, each at its field.
    """
    first, last = _month(since), _month(until)
    problems = [
        Problem("month_unknown", NO_MONTH, field=name)
        for name, month in (("since", first), ("until", last))
        if month is None
    ]
    if first and last:
        problems += [ORDER] if last < first else []
        problems += [TOO_LONG] if _months(first, last) > MOST_MONTHS else []
    if version and version not in versions(contract.name):
        problems.append(NO_VERSION)
    if problems or first is None or last is None:
        raise Refused(*problems)
    asked = {
        "algorithm": contract.name, "unit": unit, "version": version, "since": first, "until": _next(last),
    }  # fmt: skip
    if waiting := Report.objects.filter(**asked, state__in=JOB_PENDING).first():
        return waiting
    with transaction.atomic():
        report = Report.objects.create(**asked, asked_by=user, queued_at=timezone.now())
        detail = {
            "algorithm": contract.name,
            "unit": unit.code,
            "version": version,
            "from": first,
            "to": last,
        }
        record(Action.REQUEST, actor=user, kind=KIND, object_id=str(report.pk), detail=detail)
        jobs.start(report)
    return report


def sweep() -> None:
    """Throw away what is older than half a year; part of the watch."""
    Report.objects.filter(queued_at__lt=timezone.now() - KEPT).delete()


def _month(written: str) -> date | None:
    found = MONTH.fullmatch(written.strip())
    return date(int(found[1]), int(found[2]), 1) if found and int(found[1]) else None


def _next(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _months(first: date, last: date) -> int:
    return 12 * (last.year - first.year) + last.month - first.month + 1

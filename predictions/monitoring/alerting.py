"""Alerts: what the windows of every day open and close, and whom that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import notices
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Text
from ml.monitoring import wording
from ml.monitoring.hysteresis import Change, Level, State, step
from predictions.models import JobState
from predictions.monitoring.models import Alert, Report

LOST = Text(
    "Monitoring, {title}, {unit}: the window of {first} to {last} could not be written. It is tried again "
    "every day; until then nothing is watched here.",
    "Surveillance, {title}, {unit} : la fenêtre du {first} au {last} n’a pas pu être écrite. Elle est "
    "retentée chaque jour ; d’ici là, rien n’est surveillé ici.",
)
OPENED = Text("Monitoring, {title}, {unit}: {said}", "Surveillance, {title}, {unit} : {said}")
CLOSED = Text(
    "Monitoring, {title}, {unit}: over. What was said when it opened: {said}",
    "Surveillance, {title}, {unit} : terminé. Ce qui avait été dit à l’ouverture : {said}",
)
BY_ANSWERS = frozenset({"performance", "calibration"})


@dataclass(frozen=True, slots=True)
class Followed:
    """Where every alert stands after a window, and which opened and closed at it."""

    states: Mapping[str, Mapping[str, Any]]
    opened: tuple[str, ...]
    closed: tuple[str, ...]


def follow(report: Report, content: Mapping[str, Any]) -> Followed:
    """Move every alert on by one window.

    Another reference begins all of it anew, another version what is said of its answers: windows in a row are
    only windows of one and the same comparison.
    """
    before = previous(report)
    held = {key: State.from_json(state) for key, state in (before.states if before else {}).items()}
    anew = _begun_anew(before, report, content)
    states, opened, closed = {}, [], [key for key in anew & held.keys() if held[key].open]
    for key, level in content["signals"].items():
        state = State() if key in anew else held.get(key, State())
        states[key], change = step(state, Level(level))
        if change is Change.OPENED:
            opened.append(key)
        elif change is Change.CLOSED:
            closed.append(key)
    return Followed({key: state.as_json() for key, state in states.items()}, tuple(opened), tuple(closed))


def previous(report: Report) -> Report | None:
    """Return the window of every day before this one that came to an end."""
    earlier = Report.objects.filter(algorithm=report.algorithm, unit=report.unit, asked_by=None)
    done = earlier.filter(state=JobState.DONE, last_day__lt=report.first_day)
    return done.order_by("-last_day").first()


def _begun_anew(before: Report | None, report: Report, content: Mapping[str, Any]) -> set[str]:
    if before is None:
        return set()
    keys = set(before.states) | set(content["signals"])
    if before.reference != report.reference:
        return keys
    if before.content["sha256"] == content["sha256"]:
        return set()
    outputs = [field["name"] for field in content["fields"] if field["output"]]
    return keys & (BY_ANSWERS | {f"{kind}:{name}" for kind in ("drift", "missing") for name in outputs})


def write(report: Report, content: Mapping[str, Any], followed: Followed) -> None:
    """Open and close the alerts of a window and tell the stewards, in the transaction of the report."""
    now = timezone.now()
    mine = Alert.objects.filter(algorithm=report.algorithm, unit=report.unit)
    closed = list(mine.filter(closed_at=None, key__in=followed.closed))
    mine.filter(pk__in=[alert.pk for alert in closed]).update(closed_by=report, closed_at=now)
    opened = Alert.objects.bulk_create(
        Alert(
            algorithm=report.algorithm,
            unit=report.unit,
            key=key,
            said=wording.sentence(key, content).as_json(),
            opened_by=report,
            opened_at=now,
        )
        for key in followed.opened
    )
    _tell(report, closed, CLOSED, "closed")
    _tell(report, opened, OPENED, "opened")


def stewards() -> QuerySet[User]:
    """Return who is told of alerts: the stewards who may log in."""
    return User.objects.filter(role=Role.STEWARD, is_active=True)


def lost(report: Report) -> None:
    """Tell the stewards that a window of every day failed: silence would look like calm."""
    # The job writes its end beside the row it holds.
    failed = Report.objects.filter(pk=report.pk, state=JobState.FAILED).exists()
    if not (report.daily and failed):
        return
    title, unit = report.contract.title, report.unit
    days = {"first": report.first_day.isoformat(), "last": report.last_day.isoformat()}
    said = Text(
        LOST.en.format(title=title.en, unit=unit.name_en, **days),
        LOST.fr.format(title=title.fr, unit=unit.name_fr, **days),
    )
    notices.notify(stewards(), said, link=reverse("monitoring_unit", args=[report.algorithm, unit.code]))


def _tell(report: Report, alerts: Sequence[Alert], sentence: Text, change: str) -> None:
    """Tell the stewards once, however many alerts one window opened or closed; each is on record."""
    if not alerts:
        return
    title, unit = report.contract.title, report.unit
    said = Text(
        sentence.en.format(title=title.en, unit=unit.name_en, said=" ".join(one.text.en for one in alerts)),
        sentence.fr.format(title=title.fr, unit=unit.name_fr, said=" ".join(one.text.fr for one in alerts)),
    )
    notices.notify(stewards(), said, link=reverse("monitoring_unit", args=[report.algorithm, unit.code]))
    for alert in alerts:
        detail = {"algorithm": report.algorithm, "unit": unit.code, "key": alert.key, change: True}
        record(Action.UPDATE, actor_label=WORKER, kind="alert", object_id=str(alert.pk), detail=detail)

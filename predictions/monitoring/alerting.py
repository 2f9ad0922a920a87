"""Alerts: what the windows of every day open and close, and whom that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import notices
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Problem, Text
from ml.monitoring import wording
from ml.monitoring.hysteresis import Change, Level, State, step
from predictions.models import JobState
from predictions.monitoring.models import Alert, Reference, Report

LOST = Text(
    "Monitoring, {title}, {unit}: the window of {first} to {last} could not be written. It is tried again "
    "every day; until then nothing is watched here.",
    "Surveillance, {title}, {unit} : la fenêtre du {first} au {last} n’a pas pu être écrite. Elle est "
    "retentée chaque jour ; d’ici là, rien n’est surveillé ici.",
)
REFUSED = Text(
    "Monitoring, {title}, {unit}: the window of {first} to {last} could not be compared. {why} While that "
    "lasts nothing is watched here; a new reference takes these days up again.",
    "Surveillance, {title}, {unit} : la fenêtre du {first} au {last} n’a pas pu être comparée. {why} Tant "
    "que cela dure, rien n’est surveillé ici ; une nouvelle référence reprend ces jours.",
)
OPENED = Text(
    "Monitoring, {title}, {unit}, window of {first} to {last}: {said}",
    "Surveillance, {title}, {unit}, fenêtre du {first} au {last} : {said}",
)
CLOSED = Text(
    "Monitoring, {title}, {unit}, window of {first} to {last}: over. What was said when it opened: {said}",
    "Surveillance, {title}, {unit}, fenêtre du {first} au {last} : terminé. Ce qui avait été dit à "
    "l’ouverture : {said}",
)
DATES = {"en": "%Y-%m-%d", "fr": "%d/%m/%Y"}
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
    if _chosen_between(before, report):
        return keys
    if before.content["sha256"] == content["sha256"]:
        return set()
    outputs = [field["name"] for field in content["fields"] if field["output"]]
    return keys & (BY_ANSWERS | {f"{kind}:{name}" for kind in ("drift", "missing") for name in outputs})


def _chosen_between(before: Report, report: Report) -> bool:
    """Whether a reference was chosen since, be it the same days: that closed the alerts."""
    chosen = Reference.objects.filter(algorithm=report.algorithm, unit=report.unit)
    return chosen.filter(chosen_at__gt=before.queued_at, chosen_at__lte=report.queued_at).exists()


def begin_anew(user: User, algorithm: str, unit: Unit) -> None:
    """Close the open alerts of a unit as another reference is chosen, in the transaction that says so."""
    now = timezone.now()
    for alert in Alert.objects.filter(algorithm=algorithm, unit=unit, closed_at=None):
        # Closed by no window: that is how the page knows to say that a reference closed it.
        if Alert.objects.filter(pk=alert.pk, closed_at=None).update(closed_at=now):
            detail = {"algorithm": algorithm, "unit": unit.code, "key": alert.key, "closed": True}
            record(Action.UPDATE, actor=user, kind="alert", object_id=str(alert.pk), detail=detail)


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
    """Tell the stewards that a window of every day failed or was refused: silence would look like calm."""
    if not report.daily:
        return
    # The job writes its end beside the row it holds.
    ended = Report.objects.get(pk=report.pk)
    if ended.state == JobState.FAILED:
        _tell_lost(report, LOST, ())
    elif ended.state == JobState.REFUSED:
        _tell_lost(report, REFUSED, ended.problem_list)


def _tell_lost(report: Report, sentence: Text, why: Sequence[Problem]) -> None:
    _notify(report, sentence, why=[problem.message for problem in why])


def _notify(report: Report, sentence: Text, **words: Sequence[Text]) -> None:
    """Tell the stewards something of a window, with its days and the way to it."""
    title, unit = report.contract.title, report.unit
    said = {
        to: {name: " ".join(text.to(to) for text in texts) for name, texts in words.items()}
        | {"first": report.first_day.strftime(form), "last": report.last_day.strftime(form)}
        for to, form in DATES.items()
    }
    text = Text(
        sentence.en.format(title=title.en, unit=unit.name_en, **said["en"]),
        sentence.fr.format(title=title.fr, unit=unit.name_fr, **said["fr"]),
    )
    notices.notify(stewards(), text, link=reverse("monitoring_report", args=[report.pk]))


def _tell(report: Report, alerts: Sequence[Alert], sentence: Text, change: str) -> None:
    """Tell the stewards once, however many alerts one window opened or closed; each is on record."""
    if not alerts:
        return
    _notify(report, sentence, said=[alert.text for alert in alerts])
    for alert in alerts:
        detail = {"algorithm": report.algorithm, "unit": report.unit.code, "key": alert.key, change: True}
        record(Action.UPDATE, actor_label=WORKER, kind="alert", object_id=str(alert.pk), detail=detail)

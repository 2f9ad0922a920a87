"""What a steward does: ask for a report, choose what the windows are held against, acknowledge an alert."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import package as packages
from ml.contracts import Problem, Refused, Text
from ml.monitoring import baselines
from ml.package import BrokenPackage
from predictions import jobs
from predictions.monitoring import alerting
from predictions.monitoring.days import Days, speaking, today
from predictions.monitoring.models import Against, Alert, Reference, Report
from predictions.monitoring.windows import LEAST

LONGEST_COMMENT = 1000
LONGEST_DAYS = 731
EARLIEST = date(2000, 1, 1)
"""Before any study of this product; a day long before it has no midnight in every time zone."""
WEEK = timedelta(days=7)

NO_DAYS = Problem(
    "days_missing",
    Text(
        "Write the first and the last day of {what}, the first not after the last; a whole week at least.",
        "Indiquez le premier et le dernier jour de {what}, le premier pas après le dernier ; une semaine "
        "entière au moins.",
    ),
)
NOT_OVER = Problem(
    "day_not_over",
    Text(
        "The last day of {what} is not over yet: choose yesterday at the latest.",
        "Le dernier jour de {what} n’est pas terminé : choisissez hier au plus tard.",
    ),
)
TOO_LONG = Problem(
    "days_too_long",
    Text(
        f"More than {LONGEST_DAYS} days were chosen for {{what}}: choose two years at most.",
        f"Plus de {LONGEST_DAYS} jours ont été choisis pour {{what}} : choisissez deux ans au plus.",
    ),
)
TOO_EARLY = Problem(
    "days_too_early",
    Text(
        "The first day of {what} is before 2000, when nothing was analysed here yet: choose a later one.",
        "Le premier jour de {what} est antérieur à 2000, avant toute analyse ici : choisissez-en un plus "
        "tardif.",
    ),
)
UNKNOWN_AGAINST = Problem(
    "unknown_against",
    Text(
        "Choose what the window is held against: earlier studies of the unit (live), or the data of the "
        "training (training).",
        "Choisissez à quoi la fenêtre est comparée : des études antérieures de l’unité (live) ou les données "
        "de l’apprentissage (training).",
    ),
    field="against",
)
OVERLAP = Problem(
    "days_overlap",
    Text(
        "The window and its reference share days: a study cannot be held against itself.",
        "La fenêtre et sa référence ont des jours en commun : une étude ne se compare pas à elle-même.",
    ),
)
NO_COMMENT = Problem(
    "comment_missing",
    Text(
        "Write what was found or done: the next steward reads it here.",
        "Écrivez ce qui a été constaté ou fait : le prochain responsable le lira ici.",
    ),
    field="comment",
)
COMMENT_TOO_LONG = Problem(
    "comment_too_long",
    Text(
        f"The comment is longer than {LONGEST_COMMENT} characters.",
        f"Le commentaire dépasse {LONGEST_COMMENT} caractères.",
    ),
    field="comment",
)
FEW_STUDIES = Problem(
    "too_few_studies",
    Text(
        f"There are fewer than {LEAST} patients with an answered or refused study in these days: every "
        "window would be refused. Choose more days.",
        f"Il y a moins de {LEAST} patients avec une étude répondue ou refusée dans ces jours : chaque "
        "fenêtre serait refusée. Choisissez plus de jours.",
    ),
)
NO_BASELINE = Problem(
    "no_baseline",
    Text(
        "The version in service has no baseline of its training. Choose earlier studies of the unit.",
        "La version en service n’a pas de référence d’apprentissage. Choisissez des études antérieures de "
        "l’unité.",
    ),
)
DAMAGED = Problem(
    "baseline_damaged",
    Text(
        "The baseline of the training is damaged. Tell IT, who puts the file back; choose earlier studies of "
        "the unit meanwhile.",
        "La référence d’apprentissage est endommagée. Prévenez le service informatique, qui remettra le "
        "fichier ; d’ici là, choisissez des études antérieures de l’unité.",
    ),
)
WINDOW, REFERENCE = Text("the window", "la fenêtre"), Text("the reference", "la référence")


def ask(
    *, user: User, algorithm: str, unit: Unit, window: Days | None, against: str, reference: Days | None
) -> Report:
    """Have a worker hold some days against others, or against the training.

    Parameters
    ----------
    against
        One of :class:`Against`; ``reference`` counts for earlier studies only.

    Raises
    ------
    ml.contracts.Refused
        With every problem of the days, or for something else than those two.
    """
    live = _is_live(against)
    require(window, reference if live else None, live=live)
    row = Report(
        algorithm=algorithm,
        unit=unit,
        first_day=window.first,
        last_day=window.last,
        against=Against.LIVE if live else Against.TRAINING,
        reference_first=reference.first if live else None,
        reference_last=reference.last if live else None,
        asked_by=user,
        queued_at=timezone.now(),
    )
    with transaction.atomic():
        row.save(force_insert=True)
        detail = {"algorithm": algorithm, "unit": unit.code, "days": _written(window), "against": row.against}
        record(Action.REQUEST, actor=user, kind="monitoring", object_id=str(row.pk), detail=detail)
        jobs.start(row)
    return row


def choose(*, user: User, algorithm: str, unit: Unit, against: str, reference: Days | None) -> Reference:
    """Name what the windows of every day are held against from now on; alerts begin anew with it.

    Raises
    ------
    ml.contracts.Refused
        With every problem of the days; for days with fewer than thirty studies, or without a baseline: every
        later window would be refused, and nothing watched.
    """
    live = _is_live(against)
    if problems := _unusable(algorithm, unit, reference) if live else _without_baseline(algorithm):
        raise Refused(*problems)
    with transaction.atomic():
        row = Reference.objects.create(
            algorithm=algorithm,
            unit=unit,
            against=Against.LIVE if live else Against.TRAINING,
            reference_first=reference.first if live else None,
            reference_last=reference.last if live else None,
            chosen_by=user,
            chosen_at=timezone.now(),
        )
        detail = {"algorithm": algorithm, "unit": unit.code, "against": row.against}
        detail |= {"days": _written(reference)} if live else {}
        record(Action.UPDATE, actor=user, kind="monitoring_reference", object_id=str(row.pk), detail=detail)
        alerting.begin_anew(user, algorithm, unit)
    return row


def acknowledge(*, user: User, alert: Alert, comment: str) -> bool:
    """Write down what a steward made of an alert; ``False`` when another one did meanwhile.

    Raises
    ------
    ml.contracts.Refused
        Without a comment, or with too long a one.
    """
    comment = comment.strip()
    if not comment:
        raise Refused(NO_COMMENT)
    if len(comment) > LONGEST_COMMENT:
        raise Refused(COMMENT_TOO_LONG)
    with transaction.atomic():
        waiting = Alert.objects.filter(pk=alert.pk, acknowledged_at=None)
        done = waiting.update(acknowledged_by=user, acknowledged_at=timezone.now(), comment=comment)
        if done:
            detail = {"algorithm": alert.algorithm, "unit": alert.unit.code, "key": alert.key}
            record(Action.ACCEPT, actor=user, kind="alert", object_id=str(alert.pk), detail=detail)
    return bool(done)


def require(window: Days | None, reference: Days | None, *, live: bool) -> None:
    """Let days be compared that can be.

    Raises
    ------
    ml.contracts.Refused
        With every problem of the window, and of the reference where it is earlier studies.
    """
    problems = check(window, WINDOW)
    if live:
        problems += check(reference, REFERENCE)
    if not problems and live and window.overlaps(reference):
        problems = [OVERLAP]
    if problems:
        raise Refused(*problems)


def without_baseline(algorithm: str) -> Problem | None:
    """Say why no window can be held against the training of the version in service; ``None``: one can."""
    try:
        baselines.read(packages.load(algorithm))
    except baselines.DamagedBaseline:
        return DAMAGED
    except (baselines.NoBaseline, BrokenPackage):
        return NO_BASELINE
    return None


def check(days: Days | None, what: Text) -> list[Problem]:
    """Return what is wrong with some days."""
    if days is None or days.first > days.last:
        return [_of(NO_DAYS, what)]
    if days.last >= today():
        return [_of(NOT_OVER, what)]
    if days.first < EARLIEST:
        return [_of(TOO_EARLY, what)]
    return [_of(TOO_LONG, what)] if days.last - days.first >= timedelta(days=LONGEST_DAYS) else []


def weeks_of(first: str, last: str) -> Days | None:
    """Return the whole weeks that hold the days written in two fields of a page; ``None`` without both.

    Two windows that differ by a day would tell what was true of the one study of that day. A last week that
    is not over is left out.
    """
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return None
    if end >= today() or begin > end:
        return Days(begin, end)
    sunday = end + timedelta(days=6 - end.weekday())
    return Days(begin - timedelta(days=begin.weekday()), sunday if sunday < today() else sunday - WEEK)


def _unusable(algorithm: str, unit: Unit, reference: Days | None) -> list[Problem]:
    if problems := check(reference, REFERENCE):
        return problems
    return [FEW_STUDIES] if speaking(algorithm, unit, reference) < LEAST else []


def _without_baseline(algorithm: str) -> list[Problem]:
    problem = without_baseline(algorithm)
    return [problem] if problem else []


def _is_live(against: str) -> bool:
    if against not in Against.values:
        raise Refused(UNKNOWN_AGAINST)
    return against == Against.LIVE


def _of(problem: Problem, what: Text) -> Problem:
    en, fr = (problem.message.to(to).format(what=what.to(to)) for to in ("en", "fr"))
    return Problem(problem.code, Text(en, fr))


def _written(days: Days) -> list[str]:
    return [days.first.isoformat(), days.last.isoformat()]

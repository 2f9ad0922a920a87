"""Writing one report: in a worker, as it needs the statistics."""

from __future__ import annotations

from functools import partial
from typing import Any

from ml import package as packages
from ml import registry
from ml.contracts import Problem, Refused, Text
from ml.monitoring import baselines
from ml.monitoring.assembling import Group, Outcomes, assemble, stored
from ml.package import BrokenPackage
from predictions.jobs import Ending
from predictions.monitoring import alerting, collecting, signed
from predictions.monitoring.days import Days
from predictions.monitoring.models import Against, Report

NO_BASELINE = Problem(
    "no_baseline",
    Text(
        "There is no baseline of the training for the version that answered in these days ({version}). Hold "
        "the window against earlier studies of the unit.",
        "Il n’y a pas de référence d’apprentissage pour la version qui a répondu ces jours-là ({version}). "
        "Comparez la fenêtre à des études antérieures de l’unité.",
    ),
)
DAMAGED = Problem(
    "baseline_damaged",
    Text(
        "The baseline of the training of version {version} is damaged. Tell IT, who puts the file back; hold "
        "the window against earlier studies of the unit meanwhile.",
        "La référence d’apprentissage de la version {version} est endommagée. Prévenez le service "
        "informatique, qui remettra le fichier ; d’ici là, comparez à des études antérieures de l’unité.",
    ),
)


def report(row: Report) -> Ending:
    """Hold the window of a report against its reference.

    Raises
    ------
    ml.contracts.Refused
        When either has too few studies, or there is no baseline of the training.
    """
    content = content_of(row)
    if not row.daily:
        return Ending({"content": content})
    followed = alerting.follow(row, content)
    write = partial(alerting.write, row, content, followed)
    return Ending({"content": content, "states": followed.states}, write)


def content_of(row: Report) -> dict[str, Any]:
    """Return what a report says, without writing anything."""
    days = Days(row.first_day, row.last_day)
    window, others = collecting.group(row.algorithm, row.unit, days)
    reference, named = _reference(row, window)
    known = Days(signed.since(row, window.sha256), row.last_day)
    outcomes = signed.outcomes(row.algorithm, row.unit, known, window.sha256) if window.sha256 else Outcomes()
    found = assemble(registry.door(row.algorithm, "summary").WATCHED, reference, window, outcomes)
    said = {"others": others, "reference": named, "outcomes_since": known.first.isoformat()}
    return found | said


def _reference(row: Report, window: Group) -> tuple[Group, dict[str, Any]]:
    if row.against == Against.TRAINING:
        return _training(row, window)
    days = Days(row.reference_first, row.reference_last)
    group, others = collecting.group(row.algorithm, row.unit, days, sha256=window.sha256)
    return group, {"version": group.version, "others": others}


def _training(row: Report, window: Group) -> tuple[Group, dict[str, Any]]:
    try:
        held = baselines.read(packages.load(row.algorithm, window.version))
    except (baselines.NoBaseline, BrokenPackage) as error:
        problem = DAMAGED if isinstance(error, baselines.DamagedBaseline) else NO_BASELINE
        said = problem.message.format(version=window.version or "–")
        raise Refused(Problem(problem.code, said)) from error
    return stored(held), {"version": held["version"], "data": held["data"], "others": 0}

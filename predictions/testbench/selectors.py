"""Reading what came of the tests, for the page, the API and the command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ml import registry
from ml.algorithms.sleep import agreement
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.contracts import TERNARY_CHOICES, Field, FieldKind, Problem, ReportRow, Text
from predictions.models import JobState
from predictions.testbench.models import Answered, BenchRun, Sample
from predictions.workspaces.sleep import night

SHOWN = 50
STAGES = {
    "wait": _("Waiting for a worker"),
    "make": _("Making the input"),
    "load": _("Reading and checking"),
    "predict": _("Predicting"),
    "explain": _("Explaining"),
}
# What an algorithm has to say of an input that is none; every other one it simply answers.
EXPECTED_CODES = {Sample.NOISE: "other_night", Sample.PHANTOM: "not_chest_xray"}


@dataclass(frozen=True, slots=True)
class Stage:
    """How long one stage took.

    Parameters
    ----------
    start, share
        Where it begins and how long it is, in percent of everything.
    """

    name: str
    label: str
    ms: float
    start: float
    share: float


def runs() -> QuerySet[BenchRun]:
    """Return the latest tests, latest first."""
    return BenchRun.objects.select_related("requested_by")[:SHOWN]


def get_or_404(run_id: UUID) -> BenchRun:
    """Return a test; raises ``Http404`` when there is no such, or it was thrown away."""
    found = BenchRun.objects.select_related("requested_by").filter(pk=run_id).first()
    if found is None:
        raise Http404
    return found


def latencies(run: BenchRun) -> dict[str, float]:
    """Return the milliseconds of each stage that was reached, in the order they follow one another."""
    found = {"wait": run.waited_ms, **run.timings_ms}
    return {name: ms for name in STAGES if (ms := found.get(name)) is not None}


def stages(run: BenchRun) -> list[Stage]:
    """Return the stages as a page draws them, one beginning where the other ends."""
    taken = latencies(run)
    whole = sum(taken.values()) or 1
    found, at = [], 0.0
    for name, ms in taken.items():
        found.append(Stage(name, label(run, name), ms, 100 * at / whole, 100 * ms / whole))
        at += ms
    return found


def label(run: BenchRun, stage: str) -> str:
    """Say what is done in a stage: the algorithm's own words where it has some."""
    own = own_labels(run).get(stage)
    return own or str(STAGES[stage])


def own_labels(run: BenchRun) -> dict[str, str]:
    """Return what the algorithm calls those stages in which it does something else than others do."""
    language = get_language() or "en"
    return {stage: words.to(language) for stage, words in registry.stages(run.algorithm).items()}


def because(run: BenchRun) -> Problem | None:
    """Return the reason or warning that a test was made to bring about; ``None`` where it did not come."""
    code = EXPECTED_CODES.get(Sample(run.sample))
    return next((problem for problem in run.problem_list if problem.code == code), None)


def as_expected(run: BenchRun) -> bool | None:
    """Say whether the algorithm answered as it should; ``None`` while nobody can tell."""
    if run.state in (JobState.QUEUED, JobState.RUNNING, JobState.WITHDRAWN):
        return None
    refused = run.sample == Sample.PHANTOM
    code = EXPECTED_CODES.get(Sample(run.sample))
    return (
        run.state == JobState.DONE
        and run.answered == (Answered.REFUSED if refused else Answered.OK)
        and (code is None or code in {problem["code"] for problem in run.problems})
    )


def compared(run: BenchRun) -> Mapping[str, Any] | None:
    """Return the stages a night was made of beside those answered; ``None`` for anything else."""
    truth, answered = run.made.get("stages"), run.answer.get("stages")
    if not truth or not answered:
        return None
    found = agreement.compare(truth, answered, repeats=0)
    return {
        "kappa": found.kappa.value,
        "accuracy": found.accuracy.value,
        "epochs": len(truth),
        "nights": [night.hypnogram(truth), night.hypnogram(answered)],
        "levels": night.levels(),
        "hours": night.hours(len(truth) * EPOCH_SECONDS, EPOCH_SECONDS, None),
    }


def form(run: BenchRun) -> list[ReportRow]:
    """Return the answers of an invented form as the page lists them; none for a file."""
    fields = {field.name: field for field in run.contract.fields}
    # The time of a laboratory value belongs to it and is not listed apart.
    return [
        _row(name, fields.get(name), value)
        for name, value in run.made.get("values", {}).items()
        if not (name.endswith("_at") and name not in fields)
    ]


def _row(name: str, field: Field | None, value: Any) -> ReportRow:
    written = Text(str(value), str(value))
    if field is None:
        return ReportRow(Text(name, name), written)
    choices = TERNARY_CHOICES if field.kind is FieldKind.TERNARY else field.choices
    said = next((choice.label for choice in choices if choice.code == value), written)
    return ReportRow(field.label, said, field.unit)

"""The worklist: the home of every clinical role; the others are sent to theirs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import registry
from ml.contracts import Contract
from predictions import outcomes, selectors
from predictions.models import BloodLoss, Prediction, Study
from predictions.states import State

HOMES = {Role.ADMIN: "audit_search", Role.STEWARD: "models"}
SHOWN = 200
Births = Mapping[UUID, BloodLoss]

# What asks for a person stands first; what a machine is busy with comes last.
ORDER = (State.FAILED, State.READY, State.REFUSED, State.RUNNING, State.QUEUED)
COUNTED = (State.QUEUED, State.RUNNING, State.READY, State.FAILED, State.REFUSED)

# A night's result is long, and a list shows its headline only.
HEADLINES = Prefetch("predictions", Prediction.objects.only("study_id", "report", "created_at"))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the worklist.

    Parameters
    ----------
    number
        Which assessment of its stay it is; 1 for anything else than a form.
    outcome
        Blood loss of the birth that it is of, ``None`` before it is recorded.
    """

    study: Study
    answer: dict[str, str]
    reason: dict[str, str]
    to_sign: bool
    may_retry: bool
    number: int
    outcome: BloodLoss | None


@require_safe
def worklist(request: HttpRequest) -> HttpResponse:
    """Show the studies of this person's units, those that wait for a person first.

    Asked again every few seconds by the page itself, it answers 204 while nothing has changed.
    """
    if home := HOMES.get(request.user.role):
        return redirect(home)
    everything = list(selectors.worklist(request.user).prefetch_related(None))
    births = _births(everything)
    seen = _fingerprint(everything, births)
    if request.htmx and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    context = _context(request, everything, births) | {"seen": seen}
    _record(request.user, context["rows"])
    template = "worklist/list.html" if request.htmx else "worklist/page.html"
    return render(request, template, context)


def _births(studies: Iterable[Study]) -> Births:
    assessed = (s.encounter_id for s in studies if s.algorithm == outcomes.ALGORITHM and s.encounter_id)
    return outcomes.latest_of(assessed)


def _context(request: HttpRequest, everything: Sequence[Study], births: Births) -> dict[str, Any]:
    state, kind = _choice(request, "state", State.values), _choice(request, "kind", registry.names())
    chosen = [
        study
        for study in everything
        if (not state or study.state == state) and (not kind or study.algorithm == kind)
    ]
    chosen.sort(key=lambda study: ORDER.index(State(study.state)))
    counts = Counter(study.state for study in everything)
    contracts = registry.contracts(clinical=True)
    return {
        "rows": _rows(request.user, chosen[:SHOWN], births),
        "left_out": max(0, len(chosen) - SHOWN),
        "total": len(everything),
        "counts": [(code, State(code).label, counts[code]) for code in COUNTED],
        "kinds": _kinds(request.user),
        "state": state,
        "kind": kind,
        "submittable": [c for c in contracts if selectors.may_submit(request.user, c)],
    }


def _choice(request: HttpRequest, name: str, allowed: Iterable[str]) -> str:
    value = request.GET.get(name, "")
    return value if value in allowed else ""


def _kinds(user: User) -> list[Contract]:
    theirs = set(user.units.values_list("code", flat=True))
    return [contract for contract in registry.contracts(clinical=True) if contract.unit in theirs]


def _fingerprint(studies: Iterable[Study], births: Births) -> str:
    states = ",".join(f"{study.pk}{study.state}" for study in studies)
    states += ",".join(sorted(f"{stay}{loss.number}" for stay, loss in births.items()))
    return hashlib.sha256(states.encode()).hexdigest()[:16]


def _rows(user: User, studies: list[Study], births: Births) -> list[Row]:
    prefetch_related_objects(studies, HEADLINES)
    may_sign, may_submit = _rights(user)
    earlier = selectors.earlier_assessments(studies)
    return [
        Row(
            study=study,
            answer=study.prediction.report["headline"] if study.prediction else {},
            reason=study.problems[0]["message"] if study.problems else {},
            to_sign=study.state == State.READY and may_sign(study),
            may_retry=study.state == State.FAILED and may_submit(study),
            number=1 + earlier.get(study.pk, 0),
            outcome=births.get(study.encounter_id) if study.algorithm == outcomes.ALGORITHM else None,
        )
        for study in studies
    ]


def _rights(user: User) -> tuple[Callable[[Study], bool], Callable[[Study], bool]]:
    """Return who may sign and submit what, asked once per kind and unit instead of once per row."""
    signs: dict[tuple[str, int], bool] = {}

    def may_sign(study: Study) -> bool:
        key = (study.algorithm, study.unit_id)
        if key not in signs:
            signs[key] = selectors.may_sign(user, study)
        return signs[key]

    submits = cache(lambda algorithm: selectors.may_submit(user, registry.contract(algorithm)))
    return may_sign, lambda study: submits(study.algorithm)


def _record(user: User, rows: list[Row]) -> None:
    if rows:
        record(
            Action.VIEW,
            actor=user,
            kind="worklist",
            detail={"studies": [str(row.study.pk) for row in rows]},
        )

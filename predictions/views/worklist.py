"""The worklist: the home of every clinical role; the others are sent to theirs."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import registry
from ml.contracts import Contract
from predictions import selectors
from predictions.models import Study
from predictions.states import State

HOMES = {Role.ADMIN: "audit_search", Role.STEWARD: "models"}
SHOWN = 200

# What asks for a person stands first; what a machine is busy with comes last.
ORDER = (State.FAILED, State.READY, State.REFUSED, State.RUNNING, State.QUEUED)
COUNTED = (State.QUEUED, State.RUNNING, State.READY, State.FAILED, State.REFUSED)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the worklist."""

    study: Study
    answer: dict[str, str]
    reason: dict[str, str]
    to_sign: bool
    may_retry: bool


@require_safe
def worklist(request: HttpRequest) -> HttpResponse:
    """Show the studies of this person's units, those that wait for a person first.

    Asked again every few seconds by the page itself, it answers 204 while nothing has changed.
    """
    if home := HOMES.get(request.user.role):
        return redirect(home)
    context = _context(request)
    if request.htmx and request.GET.get("seen") == context["seen"]:
        return HttpResponse(status=204)
    _record(request.user, context["rows"])
    template = "worklist/list.html" if request.htmx else "worklist/page.html"
    return render(request, template, context)


def _context(request: HttpRequest) -> dict[str, Any]:
    everything = list(selectors.worklist(request.user))
    state, kind = _choice(request, "state", State.values), _choice(request, "kind", registry.names())
    chosen = [
        study
        for study in everything
        if (not state or study.state == state) and (not kind or study.algorithm == kind)
    ]
    chosen.sort(key=lambda study: ORDER.index(State(study.state)))
    counts = Counter(study.state for study in everything)
    return {
        "rows": [_row(request.user, study) for study in chosen[:SHOWN]],
        "left_out": max(0, len(chosen) - SHOWN),
        "total": len(everything),
        "counts": [(code, State(code).label, counts[code]) for code in COUNTED],
        "kinds": _kinds(request.user),
        "state": state,
        "kind": kind,
        "seen": _fingerprint(chosen),
        "submittable": [
            contract
            for contract in registry.contracts(clinical=True)
            if selectors.may_submit(request.user, contract)
        ],
    }


def _choice(request: HttpRequest, name: str, allowed: Any) -> str:
    value = request.GET.get(name, "")
    return value if value in allowed else ""


def _kinds(user: User) -> list[Contract]:
    theirs = set(user.units.values_list("code", flat=True))
    return [contract for contract in registry.contracts(clinical=True) if contract.unit in theirs]


def _fingerprint(studies: list[Study]) -> str:
    states = ",".join(f"{study.pk}{study.state}" for study in studies)
    return hashlib.sha256(states.encode()).hexdigest()[:16]


def _row(user: User, study: Study) -> Row:
    prediction = study.prediction
    return Row(
        study=study,
        answer=prediction.report["headline"] if prediction else {},
        reason=study.problems[0]["message"] if study.problems else {},
        to_sign=study.state == State.READY and selectors.may_sign(user, study),
        may_retry=study.state == State.FAILED and selectors.may_submit(user, study.contract),
    )


def _record(user: User, rows: list[Row]) -> None:
    if rows:
        record(
            Action.VIEW,
            actor=user,
            kind="worklist",
            detail={"studies": [str(row.study.pk) for row in rows]},
        )

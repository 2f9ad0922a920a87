"""The worklist: the home of every clinical role; the others are sent to theirs."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, prefetch_related_objects
from django.db.models.fields.json import KeyTransform
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record, record_seen
from clinic.methods import post_or_back
from clinic.rules import STAFF, under
from clinic.templatetags.vigie import day
from ml import registry
from ml.contracts import Contract, Text
from patients import emergency
from predictions import access, first_read, outcomes, selectors, waiting
from predictions.deployments import selectors as deployments
from predictions.models import BloodLoss, Prediction, Study
from predictions.states import State
from predictions.stewardship import taken_back
from predictions.stewardship.models import ServingDecision
from predictions.workspaces.sleep import headline

HOMES = {Role.ADMIN: "audit_search", Role.STEWARD: "models"}
PAGE_ROWS = 200
LONGEST_PAGE = 6
ORDER_KEY = "worklist_order"
BY_ALGORITHM = "algorithm"
Births = Mapping[UUID, BloodLoss]
Scored = Mapping[UUID, Text]

COUNTED = (State.QUEUED, State.RUNNING, State.READY, State.FAILED, State.REFUSED)

# A night's result is long, and a list shows its headline only.
HEADLINES = Prefetch(
    "predictions",
    Prediction.objects.only("study_id", "report", "created_at", "package_sha256").annotate(
        images=KeyTransform("images", "result")
    ),
)

# Of what an amendment corrects: what stands signed is still its answer.
NIGHTS = ("signatures__hypnogram__scoring__scorer", "signatures__hypnogram__prediction")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the worklist.

    Parameters
    ----------
    images
        When they were taken and how many there are; empty for anything else than images.
    answer
        Empty for whoever must not see it yet; of a night, what its page shows this person.
    first_read
        Whether the reader's own first impression is what it waits for.
    silent
        Whether nobody sees the answer before the signature.
    taken_back
        Whether it is a draft of a version that people went back from.
    number
        Which assessment of its stay it is; 1 for anything else than a form.
    outcome
        Blood loss of the birth that it is of, ``None`` before it is recorded.
    scored
        Of a night, who scored it or is at it; ``None`` before anybody began.
    repeats
        When the study was sent whose files it analyses again, ``None`` where it is none.
    again
        Whether its files were analysed again since.
    """

    study: Study
    images: str
    answer: dict[str, str]
    reason: dict[str, str]
    first_read: bool
    silent: bool
    to_sign: bool
    may_retry: bool
    taken_back: bool
    number: int
    outcome: BloodLoss | None
    scored: Text | None
    repeats: datetime | None
    again: bool


@under(STAFF)
@require_safe
def worklist(request: HttpRequest) -> HttpResponse:
    """Show the studies of this person's units, the longest waiting for a person first, a page at a time.

    Asked again every few seconds by the page itself, it answers 204 while nothing has changed.
    """
    if home := HOMES.get(request.user.role):
        return redirect(home)
    everything = list(selectors.worklist(request.user).prefetch_related(None))
    hidden = first_read.hidden(request.user, everything)
    births = _births(everything)
    scored = headline.scorers(everything)
    by_algorithm = _by_algorithm(request)
    seen = _fingerprint(everything, births, scored, hidden, by_algorithm)
    if request.htmx and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    ordered = waiting.by_waiting(everything)
    if by_algorithm:
        ordered = waiting.by_algorithm(ordered, hidden)
    context = _context(request, ordered, births, scored, hidden)
    context |= {"seen": seen, "by_algorithm": by_algorithm}
    _record(request.user, context["rows"], by_algorithm)
    template = "worklist/list.html" if request.htmx else "worklist/page.html"
    return render(request, template, context)


@under(STAFF)
@post_or_back("worklist")
def worklist_order(request: HttpRequest) -> HttpResponse:
    """Order the worklist by the algorithm or by waiting time, until this person logs out."""
    wanted = request.POST.get("order") == BY_ALGORITHM
    if wanted and _offered(request.user) != waiting.OFF:
        request.session[ORDER_KEY] = BY_ALGORITHM
    else:
        request.session.pop(ORDER_KEY, None)
    return redirect("worklist")


def _offered(user: User) -> str:
    return waiting.offered([contract.name for contract in _kinds(user)])


def _by_algorithm(request: HttpRequest) -> bool:
    chosen = request.session.get(ORDER_KEY) == BY_ALGORITHM
    return chosen and _offered(request.user) != waiting.OFF


def _births(studies: Iterable[Study]) -> Births:
    assessed = (s.encounter_id for s in studies if s.algorithm == outcomes.ALGORITHM and s.encounter_id)
    return outcomes.latest_of(assessed)


def _context(
    request: HttpRequest, ordered: Sequence[Study], births: Births, scored: Scored, hidden: Collection[UUID]
) -> dict[str, Any]:
    state, kind = _choice(request, "state", State.values), _choice(request, "kind", registry.names())
    chosen = [
        study
        for study in ordered
        if (not state or study.state == state) and (not kind or study.algorithm == kind)
    ]
    pages = max(1, math.ceil(len(chosen) / PAGE_ROWS))
    page = min(_page(request), pages)
    counts = Counter(study.state for study in ordered)
    contracts = registry.contracts(clinical=True)
    shown = chosen[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return {
        "rows": _rows(request.user, shown, births, scored, hidden),
        "page": page,
        "pages": range(1, pages + 1),
        "chosen": len(chosen),
        "total": len(ordered),
        "counts": [(code, State(code).label, counts[code]) for code in COUNTED],
        "kinds": _kinds(request.user),
        "state": state,
        "kind": kind,
        "algorithm_order": _offered(request.user),
        "submittable": [c for c in contracts if access.may_submit(request.user, c)],
    }


def _page(request: HttpRequest) -> int:
    number = request.GET.get("page", "")
    return max(1, int(number)) if number.isdecimal() and len(number) <= LONGEST_PAGE else 1


def _choice(request: HttpRequest, name: str, allowed: Iterable[str]) -> str:
    value = request.GET.get(name, "")
    return value if value in allowed else ""


def _kinds(user: User) -> list[Contract]:
    theirs = set(user.units.values_list("code", flat=True))
    return [contract for contract in registry.contracts(clinical=True) if contract.unit in theirs]


def _fingerprint(
    studies: Iterable[Study], births: Births, scored: Scored, hidden: Collection[UUID], by_algorithm: bool
) -> str:
    states = ",".join(f"{study.pk}{study.state}" for study in studies)
    states += ",".join(sorted(f"{stay}{loss.number}" for stay, loss in births.items()))
    states += ",".join(sorted(f"{study}{who.en}" for study, who in scored.items()))
    states += ",".join(sorted(str(study) for study in hidden)) + str(by_algorithm)
    states += str(ServingDecision.objects.count())
    return hashlib.sha256(states.encode()).hexdigest()[:16]


def _rows(
    user: User, studies: list[Study], births: Births, scored: Scored, hidden: Collection[UUID]
) -> list[Row]:
    prefetch_related_objects(studies, HEADLINES, *NIGHTS)
    nights = headline.lines(user, (study for study in studies if study.pk not in hidden), scored)
    may_sign, may_submit = _rights(user)
    earlier = selectors.earlier_assessments(studies)
    repeated = selectors.repetitions(studies)
    silent = deployments.silent(study for study in studies if study.pk in hidden)
    left = taken_back.among(studies)
    uncommitted = first_read.uncommitted(user, (study for study in studies if study.pk in silent))
    return [
        Row(
            study=study,
            images=_images(study),
            answer=_answer(study, nights.get(study.pk)) if study.pk not in hidden else {},
            reason=study.problems[0]["message"] if study.problems else {},
            first_read=study.pk in hidden and (study.pk not in silent or study.pk in uncommitted),
            silent=study.pk in silent,
            to_sign=study.state == State.READY
            and (study.pk not in hidden or study.pk in silent)
            and may_sign(study),
            may_retry=study.state == State.FAILED and may_submit(study),
            taken_back=study.pk in left and study.pk not in repeated.since,
            number=1 + earlier.get(study.pk, 0),
            outcome=births.get(study.encounter_id) if study.algorithm == outcomes.ALGORITHM else None,
            scored=headline.beside(nights.get(study.pk), scored.get(study.pk)),
            repeats=repeated.of.get(study.pk),
            again=study.pk in repeated.since,
        )
        for study in studies
    ]


def _images(study: Study) -> str:
    """Tell the X-rays of one patient apart: when they were taken, or sent, and how many images there are."""
    images = study.prediction.images if study.prediction else None
    if not images:
        return ""
    taken = selectors.first_taken(study, images)
    when = (
        _("taken on %(day)s") % {"day": day(date.fromisoformat(taken[:10]))}
        if taken
        else _("sent on %(day)s") % {"day": day(study.submitted_at)}
    )
    count = ngettext("%(count)d image", "%(count)d images", len(images)) % {"count": len(images)}
    return f"{when} · {count}"


def _answer(study: Study, night: Text | None) -> dict[str, str]:
    if night is not None:
        return night.as_json()
    return study.prediction.report["headline"] if study.prediction else {}


def _rights(user: User) -> tuple[Callable[[Study], bool], Callable[[Study], bool]]:
    """Return who may sign and submit what, asked once per kind and unit instead of once per row."""
    signs: dict[tuple[str, int], bool] = {}
    opened = set(emergency.running(user).values_list("patient_id", flat=True))

    def may_sign(study: Study) -> bool:
        key = (study.algorithm, study.unit_id)
        if study.patient_id in opened:
            return access.may_sign(user, study)
        if key not in signs:
            signs[key] = access.may_sign(user, study)
        return signs[key]

    submits = cache(lambda algorithm: access.may_submit(user, registry.contract(algorithm)))
    return may_sign, lambda study: submits(study.algorithm)


def _record(user: User, rows: list[Row], by_algorithm: bool) -> None:
    """Write that the list was looked at and, once a day for each patient in it, that this person saw them."""
    if rows:
        ordered = {"order": BY_ALGORITHM} if by_algorithm else {}
        record(
            Action.VIEW,
            actor=user,
            kind="worklist",
            detail={"studies": [str(row.study.pk) for row in rows]} | ordered,
        )
        patients = {row.study.patient_id for row in rows}
        record_seen(Action.VIEW, actor=user, patients=patients, kind="worklist", under=emergency.marks(user))

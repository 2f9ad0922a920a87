"""The ends of the scoring room: how a night stands, what is done to it, and two scorings compared."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.methods import post_or_back
from clinic.rules import under
from ml.contracts import Problem, Refused, Text
from predictions import access
from predictions.api.base import loads
from predictions.models import Study
from predictions.workspaces.sleep import comparing, events, refusals, state
from predictions.workspaces.sleep.scoring import ALGORITHM

UNPROCESSABLE, CONFLICT, CREATED = 422, 409, 201
LOOKED_SECONDS = 3600
JSON = "application/json"
LONGEST_NUMBER = 1 << 31

UNREADABLE = Problem(
    "scoring_unreadable",
    Text(
        'Send {"scoring": id or null, "base": number, "events": [...]} as JSON.',
        'Envoyez {"scoring": identifiant ou null, "base": numéro, "events": [...]} en JSON.',
    ),
)


@under(access.STUDY)
@require_safe
@never_cache
def scoring_state(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Tell how a night stands for this person, or how ``?scoring=`` does; on record once an hour.

    A window asks again whenever another one of the same scorer was at work.
    """
    study = _night(request, study_id)
    try:
        shown = state.of(request.user, study, _uuid(request.GET.get("scoring")))
    except Refused as refusal:
        return _refused(refusal)
    if cache.add(f"scoring-state:{request.user.pk}:{study.pk}:{shown['scoring']}", 1, LOOKED_SECONDS):
        _viewed(request, study, "scoring", shown["scoring"] or "")
    return JsonResponse(shown)


@under(access.SCORING)
@post_or_back("scoring_comparison", "study_id")
def scoring_begin(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Begin a scoring with the draft, with what was signed, or with a finished one.

    A form leads to the scoring room, a script gets the state.
    """
    study = _night(request, study_id)
    by_form = request.content_type != JSON
    try:
        sent = request.POST if by_form else _sent(request)
        begun = events.begin(user=request.user, study=study, origin=str(sent.get("from", "")))
    except Refused as refusal:
        if not by_form:
            return _refused(refusal)
        messages.error(request, refusal.problems[0].message.to(get_language() or ""))
        return redirect("scoring_comparison", study.pk)
    if by_form:
        return redirect("scoring_room", study.pk)
    return JsonResponse(state.of(request.user, study, begun.pk), status=CREATED)


@under(access.SCORING)
@require_POST
def scoring_events(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Keep what this person did; sent again, it is known again."""
    study = _night(request, study_id)
    try:
        sent = _sent(request)
        taken = events.take(
            user=request.user,
            study=study,
            sent=sent.get("events"),
            scoring_id=_uuid(sent.get("scoring")),
            base=_number(sent.get("base")),
            window=_text(sent.get("window")),
        )
    except Refused as refusal:
        return _refused(refusal)
    return JsonResponse(state.answer(taken))


@under(access.STUDY)
@require_safe
@never_cache
def scoring_compare(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Compare two finished scorings epoch by epoch; ``?first=`` and ``?second=`` choose which."""
    study = _night(request, study_id)
    try:
        first, second = (_uuid(request.GET.get(name)) for name in ("first", "second"))
        compared = comparing.compare(request.user, study, first, second)
    except Refused as refusal:
        return _refused(refusal)
    _viewed(request, study, "scoring_comparison")
    return JsonResponse(compared)


def _night(request: HttpRequest, study_id: uuid.UUID) -> Study:
    study = access.get_or_404(request.user, study_id)
    if study.algorithm != ALGORITHM or study.prediction is None:
        raise Http404
    return study


def _sent(request: HttpRequest) -> dict[str, Any]:
    sent = loads(request.body)
    if not isinstance(sent, dict):
        raise Refused(UNREADABLE)
    return sent


def _uuid(value: Any) -> uuid.UUID | None:
    if value in (None, ""):
        return None
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise Refused(UNREADABLE) from error


def _number(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or not 0 <= value < LONGEST_NUMBER:
        raise Refused(UNREADABLE)
    return value


def _text(value: Any) -> str:
    return value.encode("ascii", "ignore").decode().replace("\x00", "") if isinstance(value, str) else ""


def _refused(refusal: Refused) -> JsonResponse:
    problem = refusal.problems[0]
    of_the_state = problem in (*refusals.STATE_REFUSALS, comparing.APART)
    told = {"code": problem.code, "text": problem.message.to(get_language() or "")}
    return JsonResponse(told, status=CONFLICT if of_the_state else UNPROCESSABLE)


def _viewed(request: HttpRequest, study: Study, kind: str, object_id: str = "") -> None:
    record(
        Action.VIEW,
        actor=request.user,
        patient=study.patient_id,
        study=study.pk,
        kind=kind,
        object_id=object_id,
    )

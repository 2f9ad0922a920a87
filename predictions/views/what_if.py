"""The figure if an answer were another one: asked of a worker, shown, never stored."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml.contracts import Refused
from predictions import access, first_read, inquiries
from predictions.models import InquiryKind, Study
from predictions.views import giving, studies
from predictions.workspaces.haemorrhage import what_if

PANEL = "predictions/results/haemorrhage_what_if.html"


@under(access.STUDY)
@require_http_methods(["GET", "HEAD", "POST"])
def study_what_if(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Show the panel as it began, or with the figure that the answers sent along would give."""
    found = access.get_or_404(request.user, study_id)
    if not what_if.changeable(found):
        raise Http404
    if first_read.needed(request.user, found):
        return giving.not_yet(request, found, first_read.Blind(first_read.why(request.user, found)))
    if not first_read.supposing(found):
        return _closed(request, found)
    supposed = what_if.different(found, what_if.posted(found, request.POST))
    panel, status = what_if.context(found), 200
    if supposed:
        panel, status = _answered(request, found, supposed)
    if request.htmx:
        # htmx swaps only what succeeded; the sentence of a refusal has to be read too.
        return render(request, PANEL, {"study": found, "what_if": panel})
    context = studies.context(request.user, found)
    context["drawing"]["what_if"] = panel
    return render(request, "studies/page.html", context, status=status)


def _closed(request: HttpRequest, found: Study) -> HttpResponse:
    """Say that nothing is supposed now, also within a panel that was open before the evaluation began."""
    if request.htmx:
        panel = what_if.context(found, problems=[first_read.NO_WHAT_IF])
        return render(request, PANEL, {"study": found, "what_if": panel})
    return giving.not_yet(request, found, first_read.Blind(first_read.NO_WHAT_IF))


def _answered(request: HttpRequest, found: Study, supposed: dict[str, str]) -> tuple[dict[str, Any], int]:
    record(
        Action.VIEW,
        actor=request.user,
        patient=found.patient_id,
        study=found.pk,
        kind="what_if",
        detail={"fields": sorted(supposed)},
    )
    question = {"prediction": str(found.prediction.pk), "changes": supposed}
    try:
        answer = inquiries.ask(InquiryKind.WHAT_IF, user=request.user, question=question)
    except Refused as refusal:
        return what_if.context(found, supposed=supposed, problems=refusal.problems), 422
    except inquiries.NoAnswer:
        return what_if.context(found, supposed=supposed, problems=[inquiries.NOBODY_ANSWERS]), 503
    return what_if.context(found, supposed=supposed, answer=answer), 200

"""The documents of a study: ordering one, following it, taking it out of the house."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from clinic.accounts import confirm
from clinic.accounts.models import User
from clinic.methods import post_or_back
from clinic.rules import under
from ml.contracts import Problem, Refused
from predictions import access, first_read
from predictions.models import DocumentState, Study
from predictions.outputs import ordering, registry
from predictions.states import State
from predictions.views import giving
from predictions.workspaces.sleep import scoring

OK, UNPROCESSABLE = 200, 422  # htmx swaps in only what came with 200


@under(access.STUDY)
@require_safe
def study_documents(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Show the panel; it asks for itself again until nothing is being written."""
    study = access.get_or_404(request.user, study_id)
    try:
        first_read.require(request.user, study)
    except first_read.Blind as refusal:
        return giving.not_yet(request, study, refusal)
    return _panel(request, study)


@under(access.STUDY)
@post_or_back("study", "study_id")
def study_document_order(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Order a document and show the panel again."""
    study = access.get_or_404(request.user, study_id)
    try:
        ordering.order(
            user=request.user,
            study=study,
            kind=request.POST.get("kind", ""),
            language=request.POST.get("language", ""),
            version=request.POST.get("version", ""),
        )
    except first_read.Blind as refusal:
        messages.error(request, refusal.problems[0].message.to(get_language() or ""))
        return redirect("study", study.pk)
    except Refused as refusal:
        return _panel(request, study, refusal.problems, status=OK if request.htmx else UNPROCESSABLE)
    return _panel(request, study) if request.htmx else redirect("study", study.pk)


@under(access.STUDY)
@require_safe
@confirm.required(back=lambda study_id, document_id: reverse("study", args=[study_id]))
def study_document(request: HttpRequest, study_id: uuid.UUID, document_id: uuid.UUID) -> HttpResponseBase:
    """Give out a written document as a file; its name says nothing of the patient."""
    study = access.get_or_404(request.user, study_id)
    try:
        document = ordering.find_or_404(request.user, study, document_id)
    except first_read.Blind as refusal:
        return giving.not_yet(request, study, refusal)
    if document.state != DocumentState.READY:
        raise Http404
    ordering.recorded_download(request.user, document)
    response = giving.stored(document.stored_name, media_type=document.media_type, size=document.size)
    response["Content-Disposition"] = f'attachment; filename="{ordering.file_name(document)}"'
    return response


def panel(user: User, study: Study) -> dict[str, Any]:
    """Return what the panel shows to ``user``."""
    documents = ordering.shown(user, study)
    return {
        "study": study,
        "documents": [(registry.KINDS[document.kind], document) for document in documents],
        "document_kinds": ordering.kinds(user, study),
        "document_versions": ordering.versions(study),
        "document_draft": study.state == State.READY,
        # What a person scored is no longer the draft of the model alone.
        "document_scored": study.scorings.exclude(closed_at=None).filter(unfinished=False).exists()
        and scoring.may_meet(user, study),
        "document_under_way": ", ".join(scoring.under_way(study)) if study.state == State.READY else "",
        "document_language": get_language() or "",
        "documents_pending": any(document.state == DocumentState.REQUESTED for document in documents),
    }


def _panel(
    request: HttpRequest, study: Study, problems: tuple[Problem, ...] = (), status: int = 200
) -> HttpResponse:
    shown = panel(request.user, study) | {"document_problems": problems}
    return render(request, "studies/documents.html", shown, status=status)

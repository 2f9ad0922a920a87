"""Pages of training sets: asked for, decided by a second person, taken out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from clinic.accounts import confirm
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.methods import post_or_back
from clinic.rules import under
from ml.contracts import Problem, Refused
from predictions.feedback import access, downloads, services, words
from predictions.feedback.forms import RequestForm
from predictions.feedback.models import Request, RequestState
from predictions.models import JOB_PENDING

UNPROCESSABLE = 422
LISTED = 50
MEBIBYTE = 1 << 20


@under(access.FOLLOWERS)
@require_http_methods(["GET", "HEAD", "POST"])
@confirm.required(only_changes=True)
def training_sets(request: HttpRequest) -> HttpResponse:
    """List what was asked for, and take a steward's request."""
    steward = request.user.role == Role.STEWARD
    posted = request.POST if request.method == "POST" else None
    if posted is not None and not steward:
        record(Action.REFUSED, actor=request.user, kind=access.KIND, detail={"needs": "steward"})
        raise PermissionDenied
    form = RequestForm(posted)
    if posted is not None and form.is_valid():
        try:
            asked = services.ask(user=request.user, **form.cleaned_data)
        except Refused as refusal:
            for problem in refusal.problems:
                form.add_error(problem.field or None, problem.message.to(get_language() or "en"))
        else:
            messages.success(request, _("Asked for. A second person decides."))
            return redirect("training_set", asked.pk)
    found = Request.objects.filter(algorithm__in=access.algorithms(request.user))
    context = {
        "form": form if steward else None,
        "requests": found.select_related("asked_by", "decided_by", "training_set")[:LISTED],
    }
    return render(request, "feedback/list.html", context, status=UNPROCESSABLE if posted is not None else 200)


@under(access.REQUEST)
@require_safe
def training_set(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Show one request and what came of it."""
    asked = access.get_or_404(request.user, request_id)
    record(Action.VIEW, actor=request.user, kind=access.KIND, object_id=str(asked.pk))
    return render(request, "feedback/page.html", _context(request, asked))


@under(access.REQUEST)
@require_safe
def training_set_state(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Answer the page that asks every second: still being written, or what came of it."""
    asked = access.get_or_404(request.user, request_id)
    return render(request, "feedback/made.html", _context(request, asked))


@under(access.DECISION)
@post_or_back("training_set", "request_id")
@confirm.required
def training_set_decide(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Approve or decline."""
    asked = access.get_or_404(request.user, request_id)
    decision = request.POST.get("decision", "")
    try:
        if decision == "approve":
            services.approve(user=request.user, asked=asked)
        elif decision == "decline":
            services.decline(user=request.user, asked=asked, reason=request.POST.get("reason", ""))
        else:
            raise Http404
    except Refused as refusal:
        context = _context(request, asked, refusal.problems)
        return render(request, "feedback/page.html", context, status=UNPROCESSABLE)
    messages.success(request, _("Saved."))
    return redirect("training_set", asked.pk)


@under(access.STEWARDS)
@post_or_back("training_set", "request_id")
def training_set_withdraw(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Take one's own request back."""
    asked = access.get_or_404(request.user, request_id)
    try:
        services.withdraw(user=request.user, asked=asked)
    except Refused as refusal:
        messages.warning(request, refusal.problems[0].message.to(get_language() or "en"))
    return redirect("training_set", asked.pk)


def _back(request_id: UUID) -> str:
    return reverse("training_set", args=[request_id])


@under(access.STEWARDS)
@confirm.required(back=_back)
@require_GET
def training_set_file(request: HttpRequest, request_id: UUID) -> HttpResponseBase:
    """Give the file out; who took it is on record before its first byte goes."""
    asked = access.get_or_404(request.user, request_id)
    try:
        return downloads.given(request.user, asked)
    except Refused as refusal:
        messages.warning(request, refusal.problems[0].message.to(get_language() or "en"))
        return redirect("training_set", asked.pk)


def _context(request: HttpRequest, asked: Request, problems: tuple[Problem, ...] = ()) -> dict[str, Any]:
    made = asked.made
    left = made.counts.get("left_out", {}) if made else {}
    included = made.included.all() if made else ()
    return {
        "asked": asked,
        "made": made,
        "pending": made is not None and made.state in JOB_PENDING,
        "left_out": [(n, words.left_out(why, n)) for why, n in sorted(left.items())],
        "mebibytes": made.size / MEBIBYTE if made else 0,
        "withdrawn": [
            *(line.name for line in included if line.withdrawn_at),
            *(made.counts.get(services.ERASED, ()) if made else ()),
        ],
        "until": made.finished_at + services.KEPT if made and made.finished_at else None,
        "may_decide": access.may_decide(request.user, asked),
        "held_back": services.held_back(made) if made and made.stored_name else None,
        "may_take": request.user.role == Role.STEWARD,
        "may_withdraw": asked.state == RequestState.ASKED and asked.asked_by_id == request.user.pk,
        "problems": problems,
        "reason": request.POST.get("reason", ""),
    }

"""Proposing a version, deciding on a proposal, going back."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.accounts import confirm
from clinic.accounts.roles import Role
from clinic.methods import post_or_back
from clinic.rules import under
from ml import registry
from ml.contracts import Problem, Refused
from predictions.stewardship import selectors as stewardship
from predictions.stewardship.reasons import LONGEST_REASON
from predictions.versions import access, beside, proposals, selectors
from predictions.versions.access import DECISIONS, PROPOSALS, VERSIONS
from predictions.versions.models import Proposal, Stage
from predictions.versions.page import compared

UNPROCESSABLE = 422


@under(PROPOSALS)
@require_http_methods(["GET", "HEAD", "POST"])
def version_propose(request: HttpRequest, algorithm: str, version: str) -> HttpResponse:
    """Ask why, then have a version judged."""
    problems: tuple[Problem, ...] = ()
    if request.method == "POST":
        try:
            confirm.require(request)
            made = proposals.propose(
                user=request.user,
                algorithm=algorithm,
                version=version,
                reason=request.POST.get("reason", ""),
            )
            return redirect("proposal", algorithm, made.pk)
        except Refused as refusal:
            problems = refusal.problems
    context = {
        "broken": _broken(algorithm, version),
        "contract": registry.contract(algorithm),
        "version": version,
        "service": stewardship.service(algorithm),
        "reason": request.POST.get("reason", ""),
        "longest": LONGEST_REASON,
        "problems": problems,
        "open": selectors.open_proposal(algorithm),
    }
    return render(request, "versions/propose.html", context, status=UNPROCESSABLE if problems else 200)


def _broken(algorithm: str, version: str) -> tuple[Problem, ...]:
    """Return why a version cannot be proposed at all: nobody has to give a reason first to learn of it."""
    try:
        proposals.require_whole(algorithm, version)
    except Refused as refusal:
        return refusal.problems
    return ()


@under(VERSIONS)
@require_safe
def proposal(request: HttpRequest, algorithm: str, proposal_id: uuid.UUID) -> HttpResponse:
    """Show what was proposed, what the gate found, and who decided what."""
    return render(request, "versions/proposal.html", _context(request, _found(algorithm, proposal_id)))


@under(DECISIONS)
@post_or_back("proposal", "algorithm", "proposal_id")
def proposal_decide(request: HttpRequest, algorithm: str, proposal_id: uuid.UUID) -> HttpResponse:
    """Approve or decline as the second person."""
    found = _found(algorithm, proposal_id)
    sent = {"user": request.user, "proposal": found, "reason": request.POST.get("reason", "")}
    try:
        confirm.require(request)
        if request.POST.get("decision") == "approve":
            proposals.approve(**sent, threshold=request.POST.get("threshold", ""))
            said = _("Version %(version)s serves from now on.")
        else:
            proposals.decline(**sent)
            said = _("Version %(version)s was declined; what serves stays.")
    except Refused as refusal:
        found.refresh_from_db()
        context = _context(request, found) | {"problems": refusal.problems, "sent": request.POST}
        return render(request, "versions/proposal.html", context, status=UNPROCESSABLE)
    messages.success(request, said % {"version": found.version})
    return redirect("proposal", algorithm, found.pk)


@under(PROPOSALS)
@post_or_back("proposal", "algorithm", "proposal_id")
def proposal_withdraw(request: HttpRequest, algorithm: str, proposal_id: uuid.UUID) -> HttpResponse:
    """Take a proposal back."""
    found = _found(algorithm, proposal_id)
    try:
        proposals.withdraw(user=request.user, proposal=found)
    except Refused as refusal:
        for problem in refusal.problems:
            messages.warning(request, problem.message.to(get_language() or "en"))
    return redirect("proposal", algorithm, found.pk)


def _found(algorithm: str, proposal_id: uuid.UUID) -> Proposal:
    return selectors.get_or_404(algorithm, proposal_id)


def _context(request: HttpRequest, found: Proposal) -> dict[str, Any]:
    package, damage = selectors.whole(found)
    service = stewardship.service(found.algorithm)
    stale = found.stage == Stage.OPEN and service.version != found.serving_version
    verdict = found.found
    return (compared(package) if package else {}) | {
        "proposal": found,
        "contract": found.contract,
        "package": package,
        "stage": found.stage,
        "judging": found.stage == Stage.JUDGING,
        "verdict": verdict,
        "point": found.operating_point,
        "service": service,
        "stale": stale,
        "damage": damage if found.open else "",
        "proposer_left": found.open and not found.proposed_by.is_active,
        "may_decide": found.stage == Stage.OPEN
        and not stale
        and access.may_approve(request.user, found.algorithm, found.proposed_by),
        "may_withdraw": found.open and request.user.role == Role.STEWARD,
        "beside": beside.of(found.algorithm),
        "own": request.user.pk == found.proposed_by_id,
        "longest": LONGEST_REASON,
    }

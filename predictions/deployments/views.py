"""What runs beside the versions in service: the list, a proposal, one deployment, its end."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.accounts import confirm
from clinic.accounts.models import Unit
from clinic.accounts.roles import Role
from clinic.methods import post_or_back
from clinic.rules import under
from ml import package as packages
from ml import registry
from ml.contracts import Problem, Refused
from ml.package import BrokenPackage
from predictions.deployments import access, figures, services, trials
from predictions.deployments.answering import ENDED
from predictions.deployments.models import ANSWERING, OPEN, Allocation, Deployment, Mode, Standing
from predictions.deployments.problems import NO_PACKAGE
from predictions.stewardship.reasons import LONGEST_REASON
from predictions.versions.access import may_approve

UNPROCESSABLE = 422
LONGEST_NUMBER = 4


@under(access.DEPLOYMENTS)
@require_safe
def deployment_list(request: HttpRequest) -> HttpResponse:
    """List what runs, what waits for a decision, and what is over."""
    found = list(access.for_user(request.user))
    shown = {
        "open": [one for one in found if one.standing in OPEN],
        "over": [one for one in found if one.standing not in OPEN],
    }
    return render(request, "deployments/list.html", shown)


@under(access.STEWARDS)
@require_http_methods(["GET", "HEAD", "POST"])
def deployment_new(request: HttpRequest) -> HttpResponse:
    """Take the proposal of a deployment; a shadow starts with it."""
    if request.method != "POST":
        return _form(request, request.GET)
    sent = request.POST
    algorithm, _slash, version = sent.get("version", "").partition("/")
    try:
        if algorithm not in _offered():
            raise Refused(NO_PACKAGE)
        if sent.get("mode") != Mode.SHADOW:
            confirm.require(request)
        made = services.propose(
            user=request.user,
            algorithm=algorithm,
            unit=Unit.objects.filter(code=registry.contract(algorithm).unit).first(),
            version=version,
            mode=sent.get("mode", ""),
            share=_number(sent.get("share", "")),
            reason=sent.get("reason", ""),
        )
    except Refused as refusal:
        return _form(request, sent, refusal.problems)
    told = _("The shadow runs from now on.") if made.running else _("Sent to the unit for a decision.")
    messages.success(request, told)
    return redirect("deployment", made.pk)


@under(access.DEPLOYMENT)
@require_safe
def deployment(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Show one deployment; of a shadow, to stewards, how it compares with the version in service."""
    return _page(request, access.get_or_404(request.user, deployment_id))


@under(access.DECISION)
@post_or_back("deployment", "deployment_id")
def deployment_decide(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """Approve or decline a proposal as its second person."""
    found = access.get_or_404(request.user, deployment_id)
    reason = request.POST.get("reason", "")
    try:
        confirm.require(request)
        if request.POST.get("decision") == "approve":
            threshold = request.POST.get("threshold", "")
            services.approve(user=request.user, deployment=found, reason=reason, threshold=threshold)
            messages.success(request, _("Approved: it runs from now on."))
        else:
            services.decline(user=request.user, deployment=found, reason=reason)
            messages.success(request, _("Declined."))
    except Refused as refusal:
        found.refresh_from_db()
        return _page(request, found, refusal.problems)
    return redirect("deployment", found.pk)


@under(access.DEPLOYMENT)
@post_or_back("deployment", "deployment_id")
def deployment_end(request: HttpRequest, deployment_id: uuid.UUID) -> HttpResponse:
    """End it in one click: the next study goes to the version in service."""
    found = access.get_or_404(request.user, deployment_id)
    services.end(user=request.user, deployment=found, reason=request.POST.get("reason", ""))
    messages.success(request, _("Ended: the next study goes to the version in service."))
    return redirect("deployment", found.pk)


def _page(request: HttpRequest, found: Deployment, problems: tuple[Problem, ...] = ()) -> HttpResponse:
    steward = request.user.role == Role.STEWARD
    allocated = Allocation.objects.filter(deployment=found)
    shown = {
        "deployment": found,
        "contract": found.contract,
        "serving": _champion(found.algorithm),
        "may_decide": found.standing == Standing.PROPOSED
        and may_approve(request.user, found.algorithm, found.proposed_by),
        "may_end": found.standing in OPEN and services.may_end(request.user, found),
        "allocated": allocated.count(),
        "fell_back": allocated.exclude(fell_back__in=("", ENDED)).count(),
        "trial": trials.trial(found) if steward and found.mode in ANSWERING and found.started_at else None,
        "comparisons": figures.comparisons(found) if steward and found.mode == Mode.SHADOW else [],
        "agree": round(100 * figures.compared.people_agree()) if found.algorithm == "sleep" else None,
        "problems": problems,
        "typed": request.POST,
        "longest": LONGEST_REASON,
    }
    return render(request, "deployments/page.html", shown, status=UNPROCESSABLE if problems else 200)


def _form(request: HttpRequest, sent: Any, problems: tuple[Problem, ...] = ()) -> HttpResponse:
    shown = {
        "offered": _offered(),
        "modes": Mode.choices,
        "typed": sent,
        "problems": problems,
        "faulty": {problem.field for problem in problems} - {""},
        "longest": LONGEST_REASON,
    }
    return render(request, "deployments/new.html", shown, status=UNPROCESSABLE if problems else 200)


def _offered() -> dict[str, dict[str, Any]]:
    """Return the models of the units by name, each with its versions that may answer a study."""
    return {
        contract.name: {
            "title": contract.title,
            "serving": _champion(contract.name),
            "versions": [
                version for version in packages.versions(contract.name) if _serves(contract.name, version)
            ],
        }
        for contract in registry.contracts(clinical=True)
    }


def _serves(algorithm: str, version: str) -> bool:
    try:
        return packages.serving(algorithm, version).serves
    except BrokenPackage:
        return False


def _champion(algorithm: str) -> str:
    try:
        return packages.champion_version(algorithm)
    except BrokenPackage:
        return ""


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) < LONGEST_NUMBER else None

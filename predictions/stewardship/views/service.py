"""Deciding which version serves: a reason is asked for, and it is confirmed on a page of its own."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ml import registry
from ml.contracts import Refused
from predictions.stewardship import outcomes, selectors, serving
from predictions.stewardship.models import Training
from predictions.stewardship.states import State
from predictions.stewardship.views.access import UNPROCESSABLE, for_stewards


@require_http_methods(["GET", "HEAD", "POST"])
@for_stewards
def training_serve(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Ask why, then put an accepted candidate into service."""
    found = selectors.get_or_404(algorithm, training_id)
    if found.state != State.ACCEPTED:
        return redirect("training", algorithm, found.pk)
    if request.method != "POST":
        return _ask(request, algorithm, _serving_context(found))
    try:
        serving.serve(
            user=request.user,
            training=found,
            reason=request.POST.get("reason", ""),
            replacing=request.POST.get("replacing", ""),
        )
    except Refused as refusal:
        return _ask(request, algorithm, _serving_context(found), refusal)
    messages.success(
        request, _("Version %(version)s serves from now on.") % {"version": found.package_version}
    )
    return redirect("training", algorithm, found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@for_stewards
def serving_roll_back(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Ask why, then return to the version that the serving one replaced."""
    put = serving.former(algorithm)
    if put is None and request.method != "POST":
        messages.warning(request, serving.NO_FORMER.message.to(request.LANGUAGE_CODE))
        return redirect("training_list", algorithm)
    if request.method != "POST":
        return _ask(request, algorithm, {"put": put})
    try:
        serving.roll_back(
            user=request.user,
            algorithm=algorithm,
            reason=request.POST.get("reason", ""),
            replacing=request.POST.get("replacing", ""),
        )
    except Refused as refusal:
        return _ask(request, algorithm, {"put": put}, refusal)
    version = selectors.service(algorithm).version
    messages.success(request, _("Version %(version)s serves again.") % {"version": version})
    return redirect("training_list", algorithm)


def _serving_context(found: Training) -> dict[str, Any]:
    return {"training": found, "outcome": outcomes.outcome(found)}


def _ask(
    request: HttpRequest, algorithm: str, shown: dict[str, Any], refusal: Refused | None = None
) -> HttpResponse:
    context = shown | {
        "contract": registry.contract(algorithm),
        "service": selectors.service(algorithm),
        "reason": request.POST.get("reason", ""),
        "longest": serving.LONGEST_REASON,
        "problems": refusal.problems if refusal else (),
    }
    status = UNPROCESSABLE if refusal else 200
    return render(request, "stewardship/decide.html", context, status=status)

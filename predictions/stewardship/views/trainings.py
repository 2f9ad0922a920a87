"""A training from the upload of a table to its outcome."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml import package as packages
from ml import registry
from ml.contracts import Refused
from ml.package import BrokenPackage, Package
from predictions.stewardship import outcomes, selectors, services
from predictions.stewardship.access import TRAININGS
from predictions.stewardship.models import Training
from predictions.stewardship.states import ENDED, PENDING, PREPARED, State
from predictions.storage import takes
from predictions.views.models import CURVES, Drawing, drawings

UNPROCESSABLE = 422


@under(TRAININGS)
@require_safe
def training_list(request: HttpRequest, algorithm: str) -> HttpResponse:
    """List the trainings of an algorithm and which version serves."""
    context = {
        "contract": registry.contract(algorithm),
        "trainings": selectors.trainings(algorithm),
        "service": selectors.service(algorithm),
    }
    return render(request, "stewardship/list.html", context)


@under(TRAININGS)
@takes(services.LARGEST_TABLE)
@require_http_methods(["GET", "HEAD", "POST"])
def training_new(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Show and take the upload of a table."""
    context = {
        "contract": registry.contract(algorithm),
        "key": uuid.uuid4().hex,
        "limit": services.LARGEST_TABLE,
    }
    if request.method != "POST":
        return render(request, "stewardship/upload.html", context)
    try:
        training = services.upload(
            user=request.user,
            algorithm=algorithm,
            file=request.FILES.get("file"),
            idempotency_key=request.POST.get("key", ""),
        )
    except Refused as refusal:
        return _upload_refused(request, context, refusal)
    address = _address("training_columns", training)
    return JsonResponse({"url": address}) if _asks_json(request) else redirect(address)


@under(TRAININGS)
@require_safe
def training(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Show where a training is and what came of it."""
    found = selectors.get_or_404(algorithm, training_id)
    record(Action.VIEW, actor=request.user, kind="training", object_id=str(found.pk))
    return render(request, "stewardship/page.html", context(found))


@under(TRAININGS)
@require_safe
def training_state(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Answer the page that asks every second: where it is, or everything once it has moved on."""
    found = selectors.get_or_404(algorithm, training_id)
    if found.state in PENDING:
        moved = request.GET.get("was", found.state) != found.state
        return render(request, "stewardship/pending_live.html", context(found) | {"moved": moved})
    response = render(request, "stewardship/body.html", context(found))
    response["HX-Retarget"] = "#training"
    response["HX-Reswap"] = "outerHTML"
    return response


@under(TRAININGS)
@require_POST
def training_start(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Have the candidate trained."""
    return _do(request, algorithm, training_id, services.start)


@under(TRAININGS)
@require_POST
def training_withdraw(request: HttpRequest, algorithm: str, training_id: uuid.UUID) -> HttpResponse:
    """Delete the table of a training that will not be run."""
    return _do(request, algorithm, training_id, services.withdraw)


def context(found: Training) -> dict[str, Any]:
    """Return everything the page of a training shows."""
    service = selectors.service(found.algorithm)
    return {
        "training": found,
        "contract": found.contract,
        "pending": found.state in PENDING,
        "ended": found.state in ENDED,
        "prepared": found.state in PREPARED,
        "position": selectors.position(found),
        "twin": selectors.twin(found),
        "report": outcomes.report(found),
        "outcome": outcomes.outcome(found),
        "drawings": _drawings(found),
        "service": service,
        "in_service": bool(found.package_version) and service.version == found.package_version,
        "served_before": found.serving_decisions.exists(),
        "may_serve": found.state == State.ACCEPTED
        and service.version != found.package_version
        and _made(found) is not None,
    }


def _made(found: Training) -> Package | None:
    """Return the package a training made; ``None`` without one, or when this version cannot serve it."""
    try:
        return packages.load(found.algorithm, found.package_version) if found.package_version else None
    except BrokenPackage:
        return None


def _drawings(found: Training) -> list[Drawing]:
    """Return how well an accepted candidate is calibrated and what acting on it is worth, drawn."""
    made = _made(found)
    if made is None or CURVES not in made.manifest["files"]:
        return []
    return drawings(made.json(CURVES), "calibration", "decision")


def _do(request: HttpRequest, algorithm: str, training_id: uuid.UUID, step: Any) -> HttpResponse:
    found = selectors.get_or_404(algorithm, training_id)
    try:
        step(user=request.user, training=found)
    except Refused as refusal:
        for problem in refusal.problems:
            messages.warning(request, problem.message.to(get_language() or "en"))
    return redirect("training", algorithm, found.pk)


def _upload_refused(request: HttpRequest, shown: dict[str, Any], refusal: Refused) -> HttpResponse:
    if _asks_json(request):
        language = get_language() or "en"
        sentences = [problem.message.to(language) for problem in refusal.problems]
        return JsonResponse({"problems": sentences}, status=UNPROCESSABLE)
    shown |= {"problems": refusal.problems}
    return render(request, "stewardship/upload.html", shown, status=UNPROCESSABLE)


def _asks_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _address(name: str, found: Training) -> str:
    return reverse(name, args=[found.algorithm, found.pk])

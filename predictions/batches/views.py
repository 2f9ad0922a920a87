"""The pages of batches: sending one, naming the columns of its table, following it, taking its result out."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.accounts import confirm
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml import registry
from ml.batch import REFERENCE
from ml.contracts import InputKind, Problem, Refused
from predictions.batches import access, downloads, intake, layout, selectors, services, table
from predictions.batches.models import Batch, Format, Stage
from predictions.batches.words import MOST_FILES
from predictions.storage import takes
from predictions.vault.damage import Damaged

UNPROCESSABLE = 422
ROWS_A_PAGE = 50


@under(access.BATCHES)
@require_safe
def batch_list(request: HttpRequest) -> HttpResponse:
    """List one's own batches."""
    shown = Paginator(access.for_user(request.user), ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": shown,
        "rows": [(batch, selectors.counts(batch)) for batch in shown],
        "algorithms": access.algorithms(request.user),
        "days": settings.BATCH_DAYS,
    }
    return render(request, "batches/list.html", context)


@under(access.NEW)
@takes(intake.LARGEST_UPLOAD)
@require_http_methods(["GET", "HEAD", "POST"])
def batch_new(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Show and take the upload of a table, or of images or recordings."""
    contract = registry.contract(algorithm)
    tabular = contract.input_kind is InputKind.FORM
    context = {
        "contract": contract,
        "tabular": tabular,
        "key": uuid.uuid4().hex,
        "limit": intake.LARGEST_TABLE if tabular else intake.LARGEST_UPLOAD,
        "most": MOST_FILES,
        "days": settings.BATCH_DAYS,
        "columns": layout.columns(algorithm),
        "fields": table.fields(contract),
    }
    if request.method != "POST":
        return render(request, "batches/new.html", context)
    try:
        batch = intake.prepare(
            user=request.user,
            algorithm=algorithm,
            files=request.FILES.getlist("file"),
            idempotency_key=request.POST.get("key", ""),
            language=get_language() or "en",
        )
    except Refused as refusal:
        return _refused(request, context, refusal)
    name = "batch_columns" if batch.stage == Stage.PREPARED else "batch"
    address = reverse(name, args=[batch.pk])
    return JsonResponse({"url": address}) if _asks_json(request) else redirect(address)


@under(access.BATCH)
@require_safe
def batch(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Show where a batch is and which of its rows have no answer."""
    found = access.get_or_404(request.user, batch_id)
    record(Action.VIEW, actor=request.user, kind="batch", object_id=str(found.pk))
    return render(request, "batches/page.html", _context(request, found))


@under(access.BATCH)
@require_safe
def batch_state(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Answer the page that asks again and again: how far it is, or everything once it is over."""
    found = access.get_or_404(request.user, batch_id)
    if found.goes_on:
        return render(request, "batches/pending.html", _context(request, found))
    response = render(request, "batches/body.html", _context(request, found))
    response["HX-Retarget"] = "#batch"
    response["HX-Reswap"] = "outerHTML"
    return response


@under(access.BATCH)
@require_http_methods(["GET", "HEAD", "POST"])
def batch_columns(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Show what each column of a table is taken for, and have it answered as named."""
    found = access.get_or_404(request.user, batch_id)
    if found.stage != Stage.PREPARED:
        return redirect("batch", found.pk)
    columns, problems, status = dict(found.columns), (), 200
    if request.method == "POST":
        columns = {name: request.POST.get(f"f-{index}", "") for index, name in enumerate(found.header)}
        try:
            intake.describe(user=request.user, batch=found, columns=columns)
            return redirect("batch", found.pk)
        except Refused as refusal:
            problems, status = refusal.problems, UNPROCESSABLE
    shown = table.shown(found.contract, found.header, columns, problems)
    placed = {problem for row in shown for problem in row.problems}
    context = {
        "batch": found,
        "contract": found.contract,
        "rows": shown,
        "reference": REFERENCE,
        "fields": _choices(found),
        "absent": table.absent(found.contract, columns),
        "problems": [problem for problem in problems if problem not in placed],
        "wrong": bool(problems),
    }
    return render(request, "batches/columns.html", context, status=status)


@under(access.BATCH)
@require_POST
def batch_withdraw(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Take back what no worker has begun."""
    return _do(request, batch_id, services.withdraw)


@under(access.BATCH)
@require_POST
def batch_again(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Have the failed and withdrawn rows answered after all."""
    return _do(request, batch_id, services.ask_again)


@under(access.BATCH)
@require_POST
def batch_delete(request: HttpRequest, batch_id: uuid.UUID) -> HttpResponse:
    """Delete a batch with everything it brought and everything that came of it."""
    services.delete(access.get_or_404(request.user, batch_id), actor=request.user)
    messages.success(request, _("The batch is deleted, with its files and its result."))
    return redirect("batch_list")


@under(access.BATCH)
@require_safe
@confirm.required(back=lambda batch_id, form: reverse("batch", args=[batch_id]))
def batch_result(request: HttpRequest, batch_id: uuid.UUID, form: str) -> HttpResponseBase:
    """Give out the result as CSV or Parquet."""
    found = access.get_or_404(request.user, batch_id)
    try:
        return downloads.given(request.user, found, form)
    except Damaged:
        raise
    except Refused as refusal:
        raise Http404 from refusal


def _context(request: HttpRequest, found: Batch) -> dict[str, Any]:
    counted = selectors.counts(found)
    rows = Paginator(selectors.unanswered(found), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return {
        "batch": found,
        "contract": found.contract,
        "referred": not found.tabular or REFERENCE in found.columns.values(),
        "counts": counted,
        "repeatable": selectors.repeatable(counted),
        "rows": rows,
        "outputs": {output.format: output for output in found.outputs.all()},
        "formats": Format.choices,
        "job": selectors.failed_job(found),
        "until": selectors.kept_until(found),
        "columns": layout.columns(found.algorithm),
    }


def _choices(found: Batch) -> list[tuple[str, Any, bool]]:
    """Return name, label and whether it is the time of a result, of every field that a column may be."""
    fields = table.fields(found.contract)
    return [(name, field, name != field.name) for name, field in fields.items()]


def _do(request: HttpRequest, batch_id: uuid.UUID, step: Any) -> HttpResponse:
    found = access.get_or_404(request.user, batch_id)
    try:
        step(user=request.user, batch=found)
    except Refused as refusal:
        for sentence in _said(refusal.problems):
            messages.warning(request, sentence)
    return redirect("batch", found.pk)


def _refused(request: HttpRequest, context: dict[str, Any], refusal: Refused) -> HttpResponse:
    if _asks_json(request):
        return JsonResponse({"problems": _said(refusal.problems)}, status=UNPROCESSABLE)
    return render(request, "batches/new.html", context | {"problems": refusal.problems}, status=UNPROCESSABLE)


def _said(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.message.to(get_language() or "en") for problem in problems]


def _asks_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")

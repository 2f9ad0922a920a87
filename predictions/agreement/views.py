"""Pages of agreement: what was counted, a question, one report, its table."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_safe

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml.algorithms.sleep.agreement import yardstick_in_words
from ml.contracts import InputKind, Refused
from predictions.agreement import access, csv_file, services, shown, words
from predictions.agreement.forms import ReportForm
from predictions.agreement.models import Report
from predictions.models import JOB_PENDING, JobState

UNPROCESSABLE = 422
LISTED = 50


@under(access.READERS)
@require_http_methods(["GET", "HEAD", "POST"])
def agreement(request: HttpRequest) -> HttpResponse:
    """List what was counted, and take a question."""
    offers = access.offers(request.user)
    asking = [(contract, unit) for contract, unit in offers if access.may_ask(request.user, contract, unit)]
    posted = request.POST if request.method == "POST" else None
    if posted is not None and not asking:
        record(Action.REFUSED, actor=request.user, kind=access.KIND, detail={"needs": "signer"})
        raise PermissionDenied
    form = ReportForm(posted, offers=asking)
    if posted is not None and form.is_valid() and (report := _asked(request, form)):
        return redirect("agreement_report", report.pk)
    reports = Report.objects.filter(
        algorithm__in=[contract.name for contract, _unit in offers],
        unit__in=[unit for _contract, unit in offers],
    )
    context = {
        "form": form if asking else None,
        "reports": reports.select_related("unit", "asked_by")[:LISTED],
    }
    status = UNPROCESSABLE if posted is not None else 200
    return render(request, "agreement/list.html", context, status=status)


def _asked(request: HttpRequest, form: ReportForm) -> Report | None:
    contract, unit = form.chosen()
    data = form.cleaned_data
    try:
        return services.ask(
            user=request.user,
            contract=contract,
            unit=unit,
            version=data["version"],
            since=data["since"],
            until=data["until"],
        )
    except Refused as refusal:
        for problem in refusal.problems:
            form.add_error(problem.field or None, problem.message.to(get_language() or "en"))
        return None


@under(access.REPORT)
@require_safe
def agreement_report(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """Show a report."""
    report = access.get_or_404(request.user, agreement_id)
    record(Action.VIEW, actor=request.user, kind=access.KIND, object_id=str(report.pk))
    return render(request, "agreement/page.html", _context(request, report))


@under(access.REPORT)
@require_safe
def agreement_state(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """Answer the page that asks every second: still waiting, or everything."""
    report = access.get_or_404(request.user, agreement_id)
    template = "agreement/pending.html" if report.state in JOB_PENDING else "agreement/body.html"
    return render(request, template, _context(request, report))


@under(access.REPORT)
@require_safe
def agreement_csv(request: HttpRequest, agreement_id: UUID) -> HttpResponse:
    """Give the figures out as a table."""
    report = access.get_or_404(request.user, agreement_id)
    if report.state != JobState.DONE:
        return redirect("agreement_report", report.pk)
    detail = {"algorithm": report.algorithm, "unit": report.unit.code}
    record(Action.DOWNLOAD, actor=request.user, kind=access.KIND, object_id=str(report.pk), detail=detail)
    content = csv_file.written(report, shown.of(request.user, report))
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="agreement-{report.algorithm}.csv"'
    return response


def _context(request: HttpRequest, report: Report) -> dict[str, Any]:
    listed, more = shown.strongest(request.user, report)
    return {
        "report": report,
        "pending": report.state in JOB_PENDING,
        "done": report.state == JobState.DONE,
        "parts": shown.of(request.user, report),
        "leads": access.leads(request.user, report.unit),
        "strongest": [(one, words.TITLES[one.part]) for one in listed],
        "more": more,
        "not_right": words.NOT_RIGHT,
        "repeatable": report.contract.input_kind is InputKind.FILE,
        "yardstick": yardstick_in_words() if report.algorithm == "sleep" else None,
    }

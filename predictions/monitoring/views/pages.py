"""The list of units, one unit with its history, one report, and what a steward decides there."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.accounts.models import Unit
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml import registry
from ml.contracts import Problem, Refused
from predictions.models import JOB_PENDING, JobState
from predictions.monitoring import page, selectors, services, windows
from predictions.monitoring.access import DECIDING, MONITORING, may_act, require_steward
from predictions.monitoring.gaps import unwatched
from predictions.monitoring.models import Against, Alert, Report

UNPROCESSABLE = 422
REPORTS_A_PAGE = 20


@under(MONITORING)
@require_safe
def monitoring(request: HttpRequest) -> HttpResponse:
    """List every model in every unit, and the alerts that are open."""
    alerts = selectors.alerts().filter(closed_at=None)
    context = {"standings": page.standings(), "alerts": alerts, "may_act": may_act(request.user)}
    return render(request, "monitoring/list.html", context)


@under(MONITORING)
@require_http_methods(["GET", "HEAD", "POST"])
def monitoring_unit(request: HttpRequest, algorithm: str, code: str) -> HttpResponse:
    """Show how one model went in one unit; a POST asks for a report over chosen days."""
    unit = Unit.objects.get(code=code)
    if request.method != "POST":
        return render(request, "monitoring/unit.html", _unit(request, algorithm, unit))
    require_steward(request.user)
    try:
        report = services.ask(
            user=request.user,
            algorithm=algorithm,
            unit=unit,
            window=services.weeks_of(request.POST.get("first", ""), request.POST.get("last", "")),
            **_against(request),
        )
    except Refused as refusal:
        context = _unit(request, algorithm, unit, problems=refusal.problems)
        return render(request, "monitoring/unit.html", context, status=UNPROCESSABLE)
    return redirect("monitoring_report", report.pk)


@under(DECIDING)
@require_POST
def monitoring_reference(request: HttpRequest, algorithm: str, code: str) -> HttpResponse:
    """Name what the windows of every day are held against."""
    unit = Unit.objects.get(code=code)
    try:
        services.choose(user=request.user, algorithm=algorithm, unit=unit, **_against(request))
    except Refused as refusal:
        context = _unit(request, algorithm, unit, reference_problems=refusal.problems)
        return render(request, "monitoring/unit.html", context, status=UNPROCESSABLE)
    messages.success(request, _("The next windows are held against this reference; alerts begin anew."))
    return redirect("monitoring_unit", algorithm, code)


@under(MONITORING)
@require_safe
def monitoring_report(request: HttpRequest, window_id: uuid.UUID) -> HttpResponse:
    """Show one report, or that it is being written."""
    report = selectors.report_or_404(window_id)
    record(Action.VIEW, actor=request.user, kind="monitoring", object_id=str(report.pk))
    return render(request, "monitoring/report.html", _report(report))


@under(MONITORING)
@require_safe
def monitoring_report_state(request: HttpRequest, window_id: uuid.UUID) -> HttpResponse:
    """Answer the page that asks every second until the report is written."""
    report = selectors.report_or_404(window_id)
    if report.state in JOB_PENDING:
        return render(request, "monitoring/pending.html", {"report": report})
    response = render(request, "monitoring/body.html", _report(report))
    response["HX-Retarget"] = "#report"
    response["HX-Reswap"] = "innerHTML"
    return response


@under(DECIDING)
@require_POST
def monitoring_acknowledge(request: HttpRequest, alert_id: uuid.UUID) -> HttpResponse:
    """Write down what a steward made of an alert."""
    alert = Alert.objects.select_related("unit").filter(pk=alert_id).first()
    if alert is None:
        raise Http404
    try:
        done = services.acknowledge(user=request.user, alert=alert, comment=request.POST.get("comment", ""))
    except Refused as refusal:
        for problem in refusal.problems:
            messages.warning(request, problem.message.to(get_language() or "en"))
    else:
        if not done:
            messages.warning(request, _("Another steward acknowledged this alert a moment ago."))
    return redirect("monitoring_unit", alert.algorithm, alert.unit.code)


def _against(request: HttpRequest) -> dict[str, Any]:
    return {
        "against": request.POST.get("against", ""),
        "reference": services.weeks_of(
            request.POST.get("reference_first", ""), request.POST.get("reference_last", "")
        ),
    }


def _unit(
    request: HttpRequest,
    algorithm: str,
    unit: Unit,
    *,
    problems: tuple[Problem, ...] = (),
    reference_problems: tuple[Problem, ...] = (),
) -> dict[str, Any]:
    reports = selectors.reports(algorithm, unit.code)
    done = list(reports.filter(asked_by=None, state=JobState.DONE).order_by("last_day"))
    reference = selectors.reference(algorithm, unit.code)
    return {
        "contract": registry.contract(algorithm),
        "unit": unit,
        "latest": done[-1] if done else None,
        "lost": windows.stopped(algorithm, unit),
        "gaps": unwatched(algorithm, unit),
        "moved": page.moved(done[-1]) if done else [],
        "histories": page.histories(done),
        "reference": reference,
        "reference_words": page.reference_of(reference) if reference else "",
        "progress": windows.progress(algorithm, unit),
        "without_baseline": services.without_baseline(algorithm),
        "may_act": may_act(request.user),
        "expected_label": page.expected_label(algorithm),
        "calibration_label": page.calibration_label(algorithm),
        "alerts": selectors.alerts(algorithm, unit.code),
        "reports": Paginator(reports, REPORTS_A_PAGE).get_page(request.GET.get("page")),
        "against": Against,
        "problems": problems,
        "reference_problems": reference_problems,
        "typed": request.POST,
    }


def _report(report: Report) -> dict[str, Any]:
    since = (report.content or {}).get("outcomes_since")
    return {
        "outcomes_since": date.fromisoformat(since) if since else None,
        "report": report,
        "contract": report.contract,
        "unit": report.unit,
        "pending": report.state in JOB_PENDING,
        "shown": page.fields(report),
        "reference_words": page.reference_of(report),
        "auc_label": _("Expected area under the curve"),
        "sensitivity_label": _("Expected sensitivity"),
        "specificity_label": _("Expected specificity"),
        "agreement_label": _("Expected agreement of epochs"),
        "content": report.content,
    }

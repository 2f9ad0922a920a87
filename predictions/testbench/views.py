"""Pages of the test bench: what can be sent, what was sent, and what came of one."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml.contracts import Refused
from predictions.access import STEWARDS
from predictions.models import JOB_PENDING
from predictions.testbench import selectors, services
from predictions.testbench.models import LARGEST_SEED, BenchRun
from predictions.testbench.words import samples

UNPROCESSABLE = 422


@under(STEWARDS)
@require_http_methods(["GET", "HEAD", "POST"])
def testbench(request: HttpRequest) -> HttpResponse:
    """Show what can be sent and what was; send one."""
    if request.method != "POST":
        return _list(request)
    sample, seed = request.POST.get("sample", ""), request.POST.get("seed", "").strip()
    try:
        run = services.send(user=request.user, sample=sample, seed=seed)
    except Refused as refusal:
        return _list(request, refusal)
    messages.success(request, _("The test was sent to the queue of its algorithm."))
    return redirect("bench_run", run.pk)


@under(STEWARDS)
@require_safe
def bench_run(request: HttpRequest, bench_run_id: uuid.UUID) -> HttpResponse:
    """Show one test: how long each stage took, and the answer."""
    run = selectors.get_or_404(bench_run_id)
    record(Action.VIEW, actor=request.user, kind="testbench", object_id=str(run.pk))
    return render(request, "testbench/run.html", _context(run))


@under(STEWARDS)
@require_safe
def bench_run_state(request: HttpRequest, bench_run_id: uuid.UUID) -> HttpResponse:
    """Answer the page that asks every second: where it is, and everything once it has ended."""
    return render(request, "testbench/body.html", _context(selectors.get_or_404(bench_run_id)))


def _list(request: HttpRequest, refusal: Refused | None = None) -> HttpResponse:
    rows = [{"run": run, "as_expected": selectors.as_expected(run)} for run in selectors.runs()]
    for row in rows:
        row["latencies"] = selectors.latencies(row["run"])
        row["own_labels"] = selectors.own_labels(row["run"])
        row["because"] = selectors.because(row["run"])
    context = {
        "samples": samples(),
        "rows": rows,
        "sample": request.POST.get("sample", ""),
        "seed": request.POST.get("seed", ""),
        "largest_seed": LARGEST_SEED,
        "kept_days": services.KEPT.days,
        "problems": refusal.problems if refusal else (),
    }
    return render(request, "testbench/list.html", context, status=UNPROCESSABLE if refusal else 200)


def _context(run: BenchRun) -> dict[str, Any]:
    return {
        "run": run,
        "contract": run.contract,
        "pending": run.state in JOB_PENDING,
        "stages": selectors.stages(run),
        "total_ms": sum(selectors.latencies(run).values()),
        "as_expected": selectors.as_expected(run),
        "expected": next(one.expected for one in samples() if one.code == run.sample),
        "compared": selectors.compared(run),
        "form": selectors.form(run),
        "kept_days": services.KEPT.days,
    }

"""The way back: a reason is asked for, and the form returns to the version that served before."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.accounts import confirm
from clinic.rules import under
from clinic.templatetags.vigie import moment
from ml import registry
from ml.contracts import Refused
from predictions.stewardship import selectors, serving
from predictions.stewardship.models import Decision
from predictions.stewardship.reasons import LONGEST_REASON
from predictions.versions import beside
from predictions.versions.access import WAY_BACK

UNPROCESSABLE = 422


@under(WAY_BACK)
@require_http_methods(["GET", "HEAD", "POST"])
def serving_roll_back(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Ask why, then return to the version that the serving one replaced."""
    put = serving.former(algorithm)
    if request.method != "POST":
        return _ask(request, algorithm, {"put": put}) if put else _nothing_to_return_to(request, algorithm)
    try:
        confirm.require(request)
        made = serving.roll_back(
            user=request.user,
            algorithm=algorithm,
            reason=request.POST.get("reason", ""),
            replacing=request.POST.get("replacing", ""),
        )
    except Refused as refusal:
        if put is None or _returned_already(request, algorithm):
            return _nothing_to_return_to(request, algorithm)
        return _ask(request, algorithm, {"put": put}, refusal)
    if made is None:
        _say_it_serves(request, algorithm)
    else:
        messages.success(request, _("Version %(version)s serves again.") % {"version": made.version})
    return redirect("model", algorithm)


def _returned_already(request: HttpRequest, algorithm: str) -> bool:
    """Say whether what a form asks for was decided meanwhile, in another tab or by another steward."""
    decision = selectors.service(algorithm).decision
    return (
        decision is not None
        and decision.decision == Decision.ROLL_BACK
        and decision.replaced_version == request.POST.get("replacing")
    )


def _nothing_to_return_to(request: HttpRequest, algorithm: str) -> HttpResponse:
    """Lead back to the model and say what serves since when, or that nothing came before it."""
    decision = selectors.service(algorithm).decision
    if decision is not None and decision.decision == Decision.ROLL_BACK:
        _say_it_serves(request, algorithm)
    else:
        messages.warning(request, serving.NO_FORMER.message.to(request.LANGUAGE_CODE))
    return redirect("model", algorithm)


def _say_it_serves(request: HttpRequest, algorithm: str) -> None:
    """Say who decided what serves, when and why: the decision just sent changed nothing."""
    service = selectors.service(algorithm)
    said = {"version": service.version}
    if service.decision is None:
        messages.warning(request, _("Version %(version)s serves already: nothing was changed.") % said)
        return
    said |= {
        "who": service.decision.decided_by.label,
        "when": moment(service.decision.decided_at),
        "why": service.decision.reason,
    }
    sentence = _(
        "Version %(version)s serves already: decided by %(who)s on %(when)s, because “%(why)s”. Nothing was "
        "changed."
    )
    messages.warning(request, sentence % said)


def _ask(
    request: HttpRequest, algorithm: str, shown: dict[str, Any], refusal: Refused | None = None
) -> HttpResponse:
    context = shown | {
        "contract": registry.contract(algorithm),
        "service": selectors.service(algorithm),
        "beside": beside.of(algorithm),
        "reason": request.POST.get("reason", ""),
        "longest": LONGEST_REASON,
        "problems": refusal.problems if refusal else (),
    }
    status = UNPROCESSABLE if refusal else 200
    return render(request, "versions/return.html", context, status=status)

"""One's own notices: read, acknowledged, kept."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from clinic.accounts import notices
from clinic.methods import post_or_back
from clinic.rules import STAFF, under

SHOWN = 100


@under(STAFF)
@require_safe
def notice_list(request: HttpRequest) -> HttpResponse:
    """List those that wait for an acknowledgement, then those that were acknowledged."""
    found = notices.shown(notices.of(request.user)[:SHOWN])
    context = {
        "waiting": [one for one in found if one.notice.acknowledged_at is None],
        "kept": [one for one in found if one.notice.acknowledged_at is not None],
        "shown": SHOWN,
    }
    return render(request, "notices/list.html", context)


@under(STAFF)
@post_or_back("notices")
def notice_acknowledge(request: HttpRequest) -> HttpResponse:
    """Acknowledge the notice named, or all that the page showed."""
    sent = [int(number) for number in request.POST.getlist("notice") if _is_number(number)]
    if notices.acknowledge(request.user, sent):
        messages.success(request, _("Acknowledged."))
    return redirect("notices")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19

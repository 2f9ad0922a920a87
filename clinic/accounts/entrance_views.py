"""Pages of the open session: confirming who one is, and how long it still lasts."""

from __future__ import annotations

import json
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clinic.accounts import codes, confirm, lockout, sessions
from clinic.rules import STAFF, under
from ml.contracts import Refused

BAD_REQUEST = 400


@under(STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_identity(request: HttpRequest) -> HttpResponse:
    """Ask for password or code, then go on to the page that asked.

    A file that was asked for is fetched by the page that says so, and which leads back to where it was.
    """
    target, back = _ours(request, "next") or resolve_url("worklist"), _ours(request, "back")
    if confirm.fresh(request) or (request.method == "POST" and confirm.accept(request)):
        shown = {"target": target, "back": back}
        return render(request, "accounts/confirmed.html", shown) if back else redirect(target)
    failed = request.method == "POST"
    shown = {"carried": [("next", target), ("back", back)] if back else [("next", target)]}
    shown |= {"problem": confirm.problem(request) or (confirm.NEEDED if failed else None), "page": True}
    return render(request, "accounts/confirm.html", shown, status=confirm.UNPROCESSABLE if failed else 200)


@under(STAFF)
@require_http_methods(["GET", "POST"])
def confirm_passkey(request: HttpRequest) -> JsonResponse:
    """Give out a challenge, and accept the answer of a passkey of the person of the session."""
    if request.method == "GET":
        return JsonResponse(webauthn.begin_authentication(request.user))
    try:
        lockout.before_confirmation(request)
        factor = webauthn.complete_authentication(request.user, _credential(request))
    except (Refused, ValidationError) as refusal:
        confirm.failed(request, Authenticator.Type.WEBAUTHN)
        known = isinstance(refusal, Refused)
        said = refusal.problems[0] if known else codes.WRONG_KEY
        said = lockout.ENDED if lockout.spent(request) else said
        return JsonResponse({"message": said.message.to(get_language() or "")}, status=BAD_REQUEST)
    factor.record_usage()
    confirm.succeeded(request, factor.type)
    return JsonResponse({"confirmed": True})


@under(STAFF)
@require_safe
def session_state(request: HttpRequest) -> JsonResponse:
    """Say how many seconds the session still lasts; asking is no sign of life."""
    return _left(request)


@under(STAFF)
@require_POST
def session_stay(request: HttpRequest) -> JsonResponse:
    """Go on: somebody is there. The end of the shift stays where it is."""
    return _left(request)


def _left(request: HttpRequest) -> JsonResponse:
    idle, latest = sessions.left(request.session)
    said = {"user": request.user.pk, "left": max(0, int(idle)), "latest": max(0, int(latest))}
    return JsonResponse(said)


def _credential(request: HttpRequest) -> dict[str, Any]:
    try:
        sent = json.loads(request.body)
    except ValueError as error:
        raise Refused(codes.WRONG_KEY) from error
    webauthn.parse_authentication_response(sent)
    return sent


def _ours(request: HttpRequest, name: str) -> str:
    """Return an address of this product sent along, empty for any other."""
    address = request.POST.get(name) or request.GET.get(name) or ""
    ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if ours else ""

"""Confirming who sits at an open session, before what cannot be taken back.

A log-in counts as a confirmation, and each lasts :setting:`CONFIRM_SECONDS`. Forms show the fields in place
(``accounts/confirm_fields.html``) while they are needed; nothing that was typed is lost for want of one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException

from clinic.accounts import codes, lockout
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text

View = Callable[..., HttpResponseBase]

CONFIRMED = "confirmed_at"
PASSWORD, CODE = "confirm_password", "confirm_code"  # names of fields, no secrets
NOT_CARRIED = frozenset({"csrfmiddlewaretoken", PASSWORD, CODE})
UNPROCESSABLE = 422

NEEDED = Problem(
    "confirmation_needed",
    Text(
        "Confirm that it is you: type your password, then send this again. Nothing you typed is lost.",
        "Confirmez qu’il s’agit bien de vous : saisissez votre mot de passe, puis renvoyez. Rien de ce que "
        "vous avez saisi n’est perdu.",
    ),
)
WRONG_PASSWORD = Problem(
    "wrong_password", Text("This is not your password.", "Ce n’est pas votre mot de passe.")
)


class Needed(APIException):
    """What an open session calls through the API needs a confirmation first."""

    status_code = 403
    default_code = "confirmation_needed"
    default_detail = _(
        "Confirm that it is you: send your password as confirm_password, or a code as confirm_code."
    )


def mark(request: HttpRequest) -> None:
    """Count the person of the session as confirmed from now on."""
    request.session[CONFIRMED] = time.time()


def fresh(request: HttpRequest) -> bool:
    """Return whether the person logged in or confirmed within the last ``CONFIRM_SECONDS``."""
    at = request.session.get(CONFIRMED)
    return isinstance(at, float) and 0 <= time.time() - at < settings.CONFIRM_SECONDS


def accept(request: HttpRequest, sent: Mapping[str, Any] | None = None) -> bool:
    """Return whether the person is confirmed: still, or by what was sent along.

    Parameters
    ----------
    sent
        Where to look for ``confirm_password`` and ``confirm_code``; by default in the posted form.

    Notes
    -----
    Why it was refused is kept with the request, for :func:`problem`.
    """
    if fresh(request):
        return True
    if problem(request) is not None:
        return False
    try:
        by = _proof(request, request.POST if sent is None else sent)
    except Refused as refusal:
        request.confirm_problem = refusal.problems[0]
        return False
    if by:
        succeeded(request, by)
    return bool(by)


def problem(request: HttpRequest) -> Problem | None:
    """Return why what was sent with this request did not confirm, ``None`` when nothing was tried."""
    return getattr(request, "confirm_problem", None)


def require(request: HttpRequest) -> None:
    """Let nobody pass who is not confirmed; for views that show their own form again with what was typed.

    Raises
    ------
    Refused
        With the reason.
    """
    if not accept(request):
        raise Refused(problem(request) or NEEDED)


def demand(request: Any, sent: Mapping[str, Any] | None = None) -> None:
    """Let no caller of the API pass whose session is not confirmed; tokens have rules of their own.

    Parameters
    ----------
    request
        Of the REST framework.
    sent
        Its body, where that is an object.

    Raises
    ------
    Needed
        With the reason, as 403.
    """
    if request.auth is not None:
        return
    if not accept(request._request, sent or {}):
        why = problem(request._request)
        raise Needed(why.message.to(get_language() or "") if why else None)


def succeeded(request: HttpRequest, by: str) -> None:
    """Mark the session as confirmed, under a new key, and put it on record.

    Parameters
    ----------
    by
        ``"password"``, or the kind of second factor.
    """
    lockout.confirmed(request)
    _renew_key(request)
    mark(request)
    record(Action.REAUTHENTICATE, actor=request.user, kind="session", detail={"by": by})


def required(
    view: View | None = None, *, back: Callable[..., str] | None = None, only_changes: bool = False
) -> Any:
    """Keep a view for those who are confirmed.

    An unconfirmed GET goes to the page that asks, and comes back. An unconfirmed POST is answered with the
    fields in place, which carry along everything that was typed; files cannot be carried.

    Parameters
    ----------
    back
        For a view that gives a file out: takes the parts of its address and returns the page it was asked
        from, which is shown again when the file has gone.
    only_changes
        Let whoever merely looks pass; the page has the fields in its forms.
    """

    def decorate(guarded: View) -> View:
        @wraps(guarded)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            looks = request.method in ("GET", "HEAD")
            if (looks and only_changes) or accept(request):
                return guarded(request, *args, **kwargs)
            if looks:
                return _to_the_page(request, back(*args, **kwargs) if back else "")
            return ask_again(request)

        return answer

    return decorate(view) if view else decorate


def ask_again(request: HttpRequest) -> HttpResponse:
    """Answer a POST with the fields of the confirmation and everything it held, to be sent once more."""
    if request.headers.get("HX-Request"):
        # A part of a page has no room for the question: the whole page asks it.
        page = urlsplit(request.headers.get("HX-Current-URL", "/")).path
        response = HttpResponse(status=204)
        response["HX-Redirect"] = _address(page, "")
        return response
    carried = [
        (name, value) for name, values in request.POST.lists() if name not in NOT_CARRIED for value in values
    ]
    shown = {"carried": carried, "problem": problem(request), "files": bool(request.FILES)}
    return render(request, "accounts/confirm.html", shown, status=UNPROCESSABLE)


def _proof(request: HttpRequest, sent: Mapping[str, Any]) -> str:
    """Return by what the person is confirmed, empty when nothing was sent.

    Raises
    ------
    Refused
        When it is wrong, or too much was tried.
    """
    password, code = str(sent.get(PASSWORD) or ""), str(sent.get(CODE) or "")
    if not password and not code:
        return ""
    lockout.before_confirmation(request)
    try:
        if not password:
            return codes.match(request.user, code).type
        if request.user.check_password(password):
            return "password"
        raise Refused(WRONG_PASSWORD)
    except Refused as refusal:
        failed(request, "password" if password else "code")
        if lockout.spent(request):
            raise Refused(lockout.ENDED) from refusal
        raise


def failed(request: HttpRequest, factor: str) -> None:
    """Put a wrong confirmation on record.

    Parameters
    ----------
    factor
        ``"password"``, ``"code"`` or ``"webauthn"``.
    """
    record(
        Action.LOGIN_FAILED,
        kind="session",
        object_id=str(request.user.pk),
        detail={"account": request.user.username, "factor": factor, "confirmation": True},
    )


def _renew_key(request: HttpRequest) -> None:
    """Give the session a new key: one that somebody learned before is worth nothing now."""
    old = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=old).update(session_key=request.session.session_key)


def _to_the_page(request: HttpRequest, back: str) -> HttpResponse:
    return redirect(_address(request.get_full_path(), back))


def _address(target: str, back: str) -> str:
    query = QueryDict(mutable=True)
    query["next"] = target
    if back:
        query["back"] = back
    return f"{reverse('confirm_identity')}?{query.urlencode()}"

"""Pages for what went wrong: one sentence that says what it is, and the way on."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clinic.logs import request_id

TOO_LARGE_TO_READ = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, in a title and a sentence, and in a word for programs."""

    status: int
    code: str
    title: Promise
    sentence: Promise


BAD_REQUEST = Trouble(
    400,
    "bad_request",
    _("Request not understood"),
    _("The browser sent something this page cannot read. Go back, load the page again and try once more."),
)
TOO_LARGE = Trouble(
    413,
    "too_large",
    _("Too large"),
    _("What was sent is larger than this page takes. Check that it is the right file."),
)
FORBIDDEN = Trouble(
    403,
    "permission_denied",
    _("Not for this role"),
    _("Your role does not allow this. Ask a colleague whose role does, or your administrator."),
)
OUT_OF_DATE = Trouble(
    403,
    "csrf_failed",
    _("Page out of date"),
    _("The form was open for too long, or cookies are blocked. Load the page again and send it once more."),
)
NOT_ENCRYPTED = Trouble(
    403,
    "https_required",
    _("Only over HTTPS"),
    _("This call came without encryption. Use https:// and, if it carried a token, revoke that token."),
)
NOT_THIS_WAY = Trouble(
    405,
    "method_not_allowed",
    _("Not to be opened like this"),
    _("This address only takes what a form sends. Go back to the page the form is on."),
)
NOT_FOUND = Trouble(
    404,
    "not_found",
    _("Nothing here for you"),
    _("This page does not exist, or the record belongs to a unit that is not yours."),
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 when the request was too large to be read."""
    return _page(request, TOO_LARGE if isinstance(exception, TOO_LARGE_TO_READ) else BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: the page exists, this role has no business there."""
    return _page(request, FORBIDDEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form that was left open too long, or that another site sent."""
    return _page(request, OUT_OF_DATE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: it does not exist, or it is not for this person, and nobody is told which."""
    return _page(request, NOT_FOUND)


def for_program(request: HttpRequest) -> bool:
    """Say whether this address is one of the API."""
    return request.path_info.startswith(settings.PROGRAM_ADDRESSES)


def not_encrypted(request: HttpRequest) -> HttpResponse:
    """403 to a program that called over plain HTTP."""
    return _page(request, NOT_ENCRYPTED)


def method_not_allowed(request: HttpRequest, allow: str) -> HttpResponse:
    """405: the address exists and takes other requests, those of ``allow``."""
    response = _page(request, NOT_THIS_WAY)
    response["Allow"] = allow
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500, without anything that could fail once more, and with the id to find it in the logs."""
    return render(None, "errors/500.html", {"request_id": request_id.get()}, status=500)


def _page(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    if for_program(request):
        # The shape of every other problem of the API: a program that mistyped an address reads no page.
        problem = {"code": trouble.code, "message": str(trouble.sentence), "field": "", "severity": "refuse"}
        return JsonResponse({"problems": [problem]}, status=trouble.status)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"problems": [str(trouble.sentence)]}, status=trouble.status)
    context = {"trouble": trouble, "request_id": request_id.get()}
    return render(request, "errors/page.html", context, status=trouble.status)

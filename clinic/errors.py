"""Pages for what went wrong: one sentence that says what it is, and the way on."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clinic.accounts.roles import NotForRole, Role
from clinic.logs import request_id
from clinic.outages import AWAY, is_full

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
WHOM_TO_ASK = _(
    "Your role does not open this page; these do: %(roles)s. Ask a colleague who has one of them."
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
OUR_MISTAKE = Trouble(
    500,
    "internal",
    _("Our mistake"),
    _("Vigie could not answer. What was saved before is still there; load the page again in a minute."),
)
NO_DATABASE = Trouble(
    503,
    "database_away",
    _("The database does not answer"),
    _(
        "Nothing of what you just sent is certain to be kept. Wait a minute, load the page again and look "
        "before you send it once more; the same form sent twice is one study."
    ),
)
NO_ROOM = Trouble(
    507,
    "no_room",
    _("The disk is full"),
    _("What you just sent was not kept. Tell IT that the disk of Vigie is full, then send it again."),
)
NO_ROOM_TO_RECORD = Trouble(
    507,
    "no_room",
    _("The disk is full"),
    _(
        "Who looks at what is written down, and there is no room left to write. So nothing is shown for now; "
        "what was saved before is still there. Tell IT that the disk of Vigie is full."
    ),
)
READING = ("GET", "HEAD", "OPTIONS")
HEALTH = "/health"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 when the request was too large to be read."""
    return _page(request, TOO_LARGE if isinstance(exception, TOO_LARGE_TO_READ) else BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: the page exists, this role has no business there."""
    if not isinstance(exception, NotForRole):
        return _page(request, FORBIDDEN)
    roles = ", ".join(str(Role(role).label) for role in exception.roles)
    return _page(request, replace(FORBIDDEN, sentence=WHOM_TO_ASK % {"roles": roles}))


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
    """500, 503 or 507, without anything that could fail once more, with the id to find it in the logs."""
    error = sys.exc_info()[1]
    if is_full(error):
        trouble = NO_ROOM_TO_RECORD if request.method in READING else NO_ROOM
    else:
        trouble = NO_DATABASE if isinstance(error, AWAY) else OUR_MISTAKE
    if request.path_info == HEALTH:
        # Something above the view failed: whoever watches is told in the shape that is looked for.
        told = {"status": "degraded", "database": not isinstance(error, AWAY), "disk": not is_full(error)}
        return JsonResponse(told, status=NO_DATABASE.status)
    if for_program(request):
        return _told(trouble)
    context = {"trouble": trouble, "request_id": request_id.get()}
    return render(None, "errors/500.html", context, status=trouble.status)


def _page(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    if for_program(request):
        return _told(trouble)
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"problems": [str(trouble.sentence)]}, status=trouble.status)
    context = {"trouble": trouble, "request_id": request_id.get()}
    return render(request, "errors/page.html", context, status=trouble.status)


def _told(trouble: Trouble) -> HttpResponse:
    """Answer a program in the shape of every other problem of the API: it reads no page."""
    problem = {"code": trouble.code, "message": str(trouble.sentence), "field": "", "severity": "refuse"}
    return JsonResponse({"problems": [problem]}, status=trouble.status)

"""Pages for what went wrong: one sentence that says what it is and the way on."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from clinic.logs import request_id

TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400, or 413 when the request was too large to be read."""
    if isinstance(exception, TOO_LARGE):
        return _page(request, 413)
    return _page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: the page exists, this role has no business there."""
    return _page(request, 403)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 of a form that was left open too long, or that another site sent."""
    return _page(request, 403, template="errors/csrf.html")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: it does not exist, or it is not for this person, and nobody is told which."""
    return _page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, without anything that could fail once more, and with the id to find it in the logs."""
    return render(None, "errors/500.html", {"request_id": request_id.get()}, status=500)


def _page(request: HttpRequest, status: int, *, template: str = "") -> HttpResponse:
    context = {"request_id": request_id.get()}
    return render(request, template or f"errors/{status}.html", context, status=status)

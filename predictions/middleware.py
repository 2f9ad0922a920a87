"""Middleware of studies: a stored file that does not open is a sentence, never an error of ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language

from clinic.logs import request_id
from predictions.vault.damage import Damaged

log = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponse]


class DamagedFileMiddleware:
    """Answer 410 with what is wrong and what to do, wherever a page reads such a file."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Say it in words; everything else is not ours to answer."""
        if not isinstance(exception, Damaged):
            return None
        problem = exception.problems[0]
        log.error("stored file does not open", extra={"code": problem.code})
        said = problem.message.to(get_language() or "")
        if "text/html" not in request.headers.get("Accept", "text/html"):
            return JsonResponse({"code": problem.code, "message": said}, status=HTTPStatus.GONE)
        shown = {"sentence": said, "request_id": request_id.get()}
        return render(request, "studies/damaged_file.html", shown, status=HTTPStatus.GONE)

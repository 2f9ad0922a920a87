"""Middleware that tells :mod:`clinic.audit.recording` where a request came from."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from clinic.audit import context


class AuditContextMiddleware:
    """Hold the client's address while the request is handled."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; every event recorded meanwhile carries its address."""
        token = context.address.set(context.client_address(request))
        try:
            return self.get_response(request)
        finally:
            context.address.reset(token)

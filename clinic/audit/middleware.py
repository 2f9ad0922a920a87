"""Middleware that knows where a request came from, and lets no refusal go unrecorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from clinic.audit import context
from clinic.audit.models import Action
from clinic.audit.recording import record

FORBIDDEN = 403


class AuditContextMiddleware:
    """Hold the client's address while the request is handled, and record a 403 that nobody recorded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; every event recorded meanwhile carries its address."""
        address = context.address.set(context.client_address(request))
        refused = context.refused.set(False)
        token = context.token.set("")
        try:
            response = self.get_response(request)
            if response.status_code == FORBIDDEN and not context.refused.get():
                _record_refusal(request)
            return response
        finally:
            context.token.reset(token)
            context.refused.reset(refused)
            context.address.reset(address)


def _record_refusal(request: HttpRequest) -> None:
    """Record that somebody was refused, by the name of the page and the record in its address."""
    if not request.user.is_authenticated or request.resolver_match is None:
        return
    parts: dict[str, Any] = request.resolver_match.kwargs
    ids = {name: value for name, value in parts.items() if isinstance(value, UUID)}
    record(
        Action.REFUSED,
        actor=request.user,
        patient=ids.get("patient_id") or ids.get("patient"),
        study=ids.get("study_id"),
        kind="page",
        object_id=request.resolver_match.view_name or "",
    )

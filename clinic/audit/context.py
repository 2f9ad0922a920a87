"""Where the request of the moment comes from, for the events it causes."""

from __future__ import annotations

import ipaddress
from contextvars import ContextVar

from django.conf import settings
from django.http import HttpRequest

address: ContextVar[str | None] = ContextVar("address", default=None)
# Whether the request of the moment has already put a refusal on record.
refused: ContextVar[bool] = ContextVar("refused", default=False)
# Id of the token by which a program calls, set where it is accepted.
token: ContextVar[str] = ContextVar("token", default="")


def client_address(request: HttpRequest) -> str | None:
    """Return the address the request came from, or ``None`` when it cannot be told.

    Behind a proxy (``VIGIE_BEHIND_PROXY``) that is the last entry of ``X-Forwarded-For``, the one our own
    proxy wrote; everything before it was sent by the client and proves nothing.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER and (forwarded := request.META.get("HTTP_X_FORWARDED_FOR")):
        text = forwarded.rsplit(",", 1)[-1]
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None

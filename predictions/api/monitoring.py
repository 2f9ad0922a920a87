"""Who is told how this installation fares: administrators, and monitoring that sends its token."""

from __future__ import annotations

import hmac

from django.conf import settings
from rest_framework.request import Request

from clinic.accounts.roles import Role
from predictions.api.permissions import ByDoor


def is_monitoring(request: Request) -> bool:
    """Whether the request brings the token of ``VIGIE_MONITORING_TOKEN``."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.MONITORING_TOKEN
    # The name of the scheme is written in any case (RFC 9110, 11.1).
    return bool(wanted) and kind.lower() == "bearer" and hmac.compare_digest(token.encode(), wanted.encode())


def may_know_more(request: Request) -> bool:
    """Whether an administrator asks, or monitoring with its token."""
    return getattr(request.user, "role", None) == Role.ADMIN or is_monitoring(request)


class ByMonitoring(ByDoor):
    """Let monitoring pass with its token, and everybody else by the door of the method."""

    def has_permission(self, request: Request, view: object) -> bool:
        """Whether the caller may."""
        return is_monitoring(request) or super().has_permission(request, view)

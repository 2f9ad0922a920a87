"""Who may call the API: the rule and the scope that a view names for each method in its ``doors``.

A view without doors answers nobody, and neither does one whose method has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from clinic.accounts.models import ApiToken
from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import CLOSED, Rule


@dataclass(frozen=True, slots=True)
class Door:
    """What opens one method of an address.

    Parameters
    ----------
    rule
        Who may: the same rule that the page asks.
    scope
        What a token must have been issued for; ``None`` for what every token may, such as to be given back.
    """

    rule: Rule
    scope: Scope | None


Doors = Mapping[str, Door]


class ScopeMissing(PermissionDenied):
    """A token that was not issued for this."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(code="scope_missing")
        self.scope = scope


class Closed(BasePermission):
    """The default of every view that is not one of ours: nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Refuse."""
        return False


class ByDoor(BasePermission):
    """Ask the door of the method: first whether anybody may, then the scope of a token, then the rule."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller may; a rule refuses with its own exception, on record."""
        door = door_of(view, request.method or "")
        if door is not None and door.rule.public:
            return True
        if not request.user.is_authenticated:
            return False
        if door is None:
            return _closed(request, view)
        _require_scope(request, door)
        door.rule.check(request.user, **view.kwargs)
        return True


def door_of(view: Any, method: str) -> Door | None:
    """Return what opens ``method``; whoever may read may also ask for the head of it alone."""
    doors: Doors = getattr(view, "doors", {})
    return doors.get("GET" if method == "HEAD" else method)


def _closed(request: Request, view: Any) -> bool:
    """Refuse a method without a door; one that the view does not have at all is answered as that."""
    method = request.method or ""
    if method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
        raise MethodNotAllowed(method)
    CLOSED.check(request.user)
    return False


def _require_scope(request: Request, door: Door) -> None:
    token = request.auth
    if not isinstance(token, ApiToken) or door.scope is None or door.scope in token.scopes:
        return
    record(
        Action.REFUSED,
        actor=request.user,
        kind="token",
        object_id=str(token.pk),
        detail={"needs": door.scope, "has": token.scopes},
    )
    raise ScopeMissing(door.scope)

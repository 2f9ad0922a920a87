"""Who may read the audit. Nobody, until the floor that knows the roles says who."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule

View = Callable[..., HttpResponseBase]

_rules: list[Callable[[Any], bool]] = []
_confirmations: list[Callable[[View], View]] = []


def open_to(rule: Callable[[Any], bool]) -> None:
    """Open the audit to users for whom ``rule`` is true; called from ``AppConfig.ready``."""
    _rules.append(rule)


def may_read(user: Any) -> bool:
    """Return whether ``user`` may read the audit."""
    return bool(user.is_authenticated and any(rule(user) for rule in _rules))


def require_reader(user: Any) -> None:
    """Raise ``PermissionDenied``, and record it, unless ``user`` may read the audit."""
    if not may_read(user):
        record(Action.REFUSED, actor=user, kind="audit")
        raise PermissionDenied


def confirm_with(required: Callable[[View], View]) -> None:
    """Have exports ask again who sits there, with this decorator; called from ``AppConfig.ready``."""
    _confirmations.append(required)


def confirmed(view: View) -> View:
    """Keep a view for those who just confirmed who they are; closed until somebody says how that is asked."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not _confirmations:
            raise PermissionDenied
        guarded = view
        for required in _confirmations:
            guarded = required(guarded)
        return guarded(request, *args, **kwargs)

    return asked


def _check(user: Any, **_: Any) -> None:
    require_reader(user)


READERS = Rule("readers of the audit", _check)

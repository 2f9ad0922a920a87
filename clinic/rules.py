"""Who may open an address. Every address names its rule; one without a rule is refused to everybody.

The rules themselves stand in one module per subject (``patients.access``, ``predictions.access``,
``predictions.stewardship.access``, ``clinic.accounts.access``, ``clinic.audit.access``); pages name them with
:func:`under`, views of the API in their ``doors``. Both are asked before the view runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from clinic.audit.models import Action
from clinic.audit.recording import record

Handler = Callable[[HttpRequest], HttpResponse]
View = Callable[..., HttpResponseBase]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may open an address, and how that is found out.

    Parameters
    ----------
    name
        What is opened and by whom, in a few words.
    check
        Called with the person and the parts of the address; returns nothing, or raises
        ``PermissionDenied`` or ``Http404`` after the refusal was recorded.
    public
        Whether also whoever is not logged in may; ``check`` is not called then.
    """

    name: str
    check: Callable[..., object]
    public: bool = False


def nobody(user: Any, **_: Any) -> None:
    """Refuse, on record."""
    record(Action.REFUSED, actor=user, kind="page", detail={"needs": "a rule"})
    raise PermissionDenied


def anybody(user: Any, **_: Any) -> None:
    """Let everybody pass."""


CLOSED = Rule("nobody: no rule was named", nobody)
EVERYBODY = Rule("everybody, logged in or not", anybody, public=True)
STAFF = Rule("everybody who is logged in", anybody)

_of_library: dict[str, Rule] = {}


def under(rule: Rule) -> Callable[[View], View]:
    """Name the rule of a page; it is asked by :class:`RuleMiddleware`, whatever else decorates the view."""

    def name(view: View) -> View:
        view.rule = rule  # type: ignore[attr-defined]
        return view

    return name


def declare(rule: Rule, *names: str) -> None:
    """Name the rule of addresses whose views are a library's; called from ``AppConfig.ready``."""
    _of_library.update(dict.fromkeys(names, rule))


def declared() -> frozenset[str]:
    """Return the names of the addresses whose rules were declared, for the test that they exist."""
    return frozenset(_of_library)


def rule_of(view: Any, url_name: str) -> Rule:
    """Return the rule of a page, :data:`CLOSED` when none was named.

    A rule named beside the address goes before one on the view: a library may share views.
    """
    return _of_library.get(url_name) or getattr(view, "rule", CLOSED)


def is_program_door(view: Any) -> bool:
    """Return whether a view is one of the API, which knows who asks only after its own log-in."""
    return hasattr(getattr(view, "cls", None), "doors")


class RuleMiddleware:
    """Ask the rule of a page before its view."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; :meth:`process_view` may have refused it."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any]) -> None:
        """Refuse whoever the rule refuses. Who is not logged in was led to the log-in page before."""
        if is_program_door(view):
            return
        rule = rule_of(view, request.resolver_match.url_name or "")
        if rule.public:
            return
        if not request.user.is_authenticated:
            raise PermissionDenied
        if rule is CLOSED:
            logger.error(
                "no rule was named for %s: name one with clinic.rules.under", request.resolver_match.route
            )
        rule.check(request.user, **kwargs)

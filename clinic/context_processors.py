"""What the frame of every page shows: entries by role, and the theme chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.accounts import notices
from clinic.accounts.roles import CLINICAL, Role
from clinic.audit import access, alarms

THEMES = (
    ("", "◐", _("Colours of the system")),
    ("light", "○", _("Light")),
    ("dark", "●", _("Dark")),
)

# first segments of the addresses of the rooms about models, which its own line of links leads to
ROOMS = ("models", "agreement", "training-sets", "deployments", "testbench", "monitoring", "batches")
# name of the page, its label, who sees it, first segments of the addresses under it
ENTRIES = (
    ("worklist", _("Worklist"), CLINICAL, ("", "studies")),
    ("patient_search", _("Patients"), CLINICAL, ("patients",)),
    ("staff_list", _("Staff"), frozenset({Role.ADMIN}), ("staff",)),
    ("unit_list", _("Units"), frozenset({Role.ADMIN}), ("units",)),
    ("models", _("Models"), frozenset(Role), ROOMS),
    ("audit_search", _("Audit"), frozenset({Role.ADMIN}), ("audit",)),
    ("erasures", _("Erasures"), frozenset({Role.ADMIN}), ("erasures",)),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the entries of the top bar for this person, and the theme."""
    theme = request.COOKIES.get(settings.THEME_COOKIE_NAME, "")
    return {
        "shell": {
            "entries": _entries(request),
            "alarms": _alarms(request),
            "notices": partial(_notices, request),
            "theme": theme if theme in {code for code, *_rest in THEMES} else "",
            "themes": THEMES,
        }
    }


def _notices(request: HttpRequest) -> int:
    """Return how many notices wait for this person; asked only by a page that shows the frame."""
    user = getattr(request, "user", None)
    return notices.waiting(user) if user is not None and user.is_authenticated else 0


def _alarms(request: HttpRequest) -> list[str]:
    """Return what is wrong with the audit, for those who have to see to it."""
    user = getattr(request, "user", None)
    if user is None or not access.may_read(user):
        return []
    return [alarm.text.to(get_language() or "") for alarm in alarms.current()]


def _entries(request: HttpRequest) -> list[dict[str, Any]]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    segment = request.path.split("/")[1]
    return [
        {"url": reverse(name), "label": label, "current": segment in under}
        for name, label, roles, under in ENTRIES
        if user.role in roles
    ]

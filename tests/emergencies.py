"""What somebody does who opens a record in an emergency."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.accounts.roles import Scope
from patients.models import EmergencyReason
from tests import factories

WHY = {"category": EmergencyReason.LIFE, "reason": "Brought in bleeding, nobody of maternity answers"}


def ask(visitor: Client, **whose: str) -> Any:
    """Send the form with the reason."""
    return visitor.post(reverse("emergency_new"), WHY | whose)


def pass_time(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Let the clock of the product run ahead."""
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + by)


def program(person: User, *scopes: Scope) -> dict[str, Any]:
    """Return what a program of ``person`` sends with its calls."""
    return {
        "headers": {"Authorization": f"Token {factories.token(person, *scopes)}"},
        "content_type": "application/json",
    }

"""Who may train on a hospital's own births and decide what serves: model stewards."""

from __future__ import annotations

from django.http import Http404

from clinic.accounts.access import require
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.rules import Rule
from predictions.stewardship.selectors import TRAINABLE


def _trainings(user: User, algorithm: str, **_: object) -> None:
    """Let stewards pass; there is no such page for an algorithm that learns nothing here."""
    require(user, Role.STEWARD)
    if algorithm not in TRAINABLE:
        raise Http404


TRAININGS = Rule("model stewards, for the algorithms that learn here", _trainings)

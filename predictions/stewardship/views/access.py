"""Who may open the steward's pages, and for which algorithms there are any."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from clinic.accounts.access import require
from clinic.accounts.roles import Role
from predictions.stewardship.selectors import TRAINABLE

UNPROCESSABLE = 422


def for_stewards(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let nobody in but model stewards; there is no such page for an algorithm that learns nothing here."""

    @wraps(view)
    def guarded(request: HttpRequest, algorithm: str, **parts: Any) -> HttpResponse:
        require(request.user, Role.STEWARD)
        if algorithm not in TRAINABLE:
            raise Http404
        return view(request, algorithm, **parts)

    return guarded

"""The worklist: the home of every clinical role; the others are sent to theirs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from clinic.accounts.roles import Role

HOMES = {Role.ADMIN: "audit_search", Role.STEWARD: "models"}


@require_safe
def worklist(request: HttpRequest) -> HttpResponse:
    """Show the studies of this person's units, those that wait for a person first."""
    if home := HOMES.get(request.user.role):
        return redirect(home)
    return render(request, "worklist/page.html", {"studies": []})

"""The list of versions, and one of them: what it is for, how it compares, for whom it was measured."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.accounts.roles import Role
from clinic.rules import STAFF, under
from ml import registry
from predictions.stewardship import selectors as stewardship
from predictions.versions import page, selectors, services
from predictions.versions.access import VERSIONS
from predictions.versions.aliases import aliases, seen_by
from predictions.views.models import drawings


@under(STAFF)
@require_safe
def versions(request: HttpRequest) -> HttpResponse:
    """List the versions of every model, with what they are called and what is proposed."""
    shown = {
        "models": selectors.models(request.user),
        "may_propose": _steward(request),
        "tells_mlflow": services.tells_mlflow(),
        "told_mlflow": selectors.told_mlflow(),
    }
    return render(request, "versions/list.html", shown)


@under(VERSIONS)
@require_safe
def version(request: HttpRequest, algorithm: str, version: str) -> HttpResponse:
    """Show one version beside the one it is compared with, and what was proposed and decided about it;
    of one that is broken what is broken.
    """
    if broken := selectors.broken(algorithm, version):
        damaged = {"contract": registry.contract(algorithm), "version": version, "broken": broken}
        return render(request, "versions/broken.html", damaged)
    package = selectors.package_or_404(algorithm, version)
    service = stewardship.service(algorithm)
    context = page.compared(package) | page.curves(package)
    context |= {
        "contract": registry.contract(algorithm),
        "package": package,
        "row": selectors.get(algorithm, version),
        "aliases": sorted(seen_by(request.user, aliases(algorithm).get(version, ()))),
        "drawings": drawings(context["curves"]) if context["curves"] else [],
        "service": service,
        "in_service": service.version == version,
        "proposals": selectors.proposals(algorithm).filter(version=version),
        "open": selectors.open_proposal(algorithm),
        "may_propose": _steward(request) and service.version != version,
    }
    return render(request, "versions/page.html", context)


def _steward(request: HttpRequest) -> bool:
    return request.user.role == Role.STEWARD

"""Pages about units, for administrators."""

from __future__ import annotations

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from clinic.accounts import confirm, selectors, services, shares
from clinic.accounts.access import ADMINISTRATORS
from clinic.accounts.forms import UnitForm
from clinic.accounts.models import Unit
from clinic.accounts.views import posted
from clinic.rules import under


@under(ADMINISTRATORS)
@require_GET
def unit_list(request: HttpRequest) -> HttpResponse:
    """List the units, and those that algorithms ask for and that do not exist yet."""
    units = [(unit, shares.own(unit.code)) for unit in selectors.units()]
    return render(request, "accounts/unit_list.html", {"units": units, "offers": selectors.offers()})


@under(ADMINISTRATORS)
@confirm.required(only_changes=True)
@require_http_methods(["GET", "POST"])
def unit_new(request: HttpRequest) -> HttpResponse:
    """Create a unit."""
    form = UnitForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            unit = services.create_unit(actor=request.user, **form.cleaned_data)
        except IntegrityError:  # two administrators created it at the same moment
            form.add_error("code", form.fields["code"].error_messages["invalid_choice"])
        else:
            messages.success(request, _("%(unit)s was created. Now choose who works there.") % {"unit": unit})
            return redirect("unit_list")
    context = {"form": form, "offers": selectors.offers()}
    return render(request, "accounts/unit_form.html", context, status=422 if form.errors else 200)


@under(ADMINISTRATORS)
@confirm.required(only_changes=True)
@require_http_methods(["GET", "POST"])
def unit_edit(request: HttpRequest, code: str) -> HttpResponse:
    """Change the names of a unit, or its shares."""
    unit = get_object_or_404(Unit, code=code)
    form = UnitForm(posted(request), instance=get_object_or_404(Unit, code=code))
    if request.method == "POST" and form.is_valid():
        services.update_unit(actor=request.user, unit=unit, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("unit_list")
    context = {"form": form, "unit": unit}
    return render(request, "accounts/unit_form.html", context, status=422 if form.errors else 200)

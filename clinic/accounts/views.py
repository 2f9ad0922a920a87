"""Pages about staff: their own profile, and their administration."""

from __future__ import annotations

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from clinic.accounts import confirm, selectors, services
from clinic.accounts.access import ADMINISTRATORS
from clinic.accounts.forms import StaffForm
from clinic.accounts.models import Unit, User
from clinic.rules import STAFF, under


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what was sent, also when it is empty; ``None`` when nothing was."""
    return request.POST if request.method == "POST" else None


@under(STAFF)
@require_GET
def profile(request: HttpRequest) -> HttpResponse:
    """Show who one is here, and the ways to password, second factor and sessions."""
    return render(request, "accounts/profile.html", {"second_factor": is_mfa_enabled(request.user)})


@under(ADMINISTRATORS)
@require_GET
def staff_list(request: HttpRequest) -> HttpResponse:
    """List everybody, those who may log in first."""
    people = User.objects.order_by("-is_active", "last_name", "first_name", "username")
    return render(
        request,
        "accounts/staff_list.html",
        {"people": people.prefetch_related(Prefetch("units", Unit.objects.order_by("code")))},
    )


def _show_password(request: HttpRequest, person: User, password: str) -> HttpResponse:
    """Show a one-time password in the answer itself: nothing keeps it for a second look."""
    return render(request, "accounts/password_once.html", {"person": person, "password": password})


@under(ADMINISTRATORS)
@confirm.required(only_changes=True)
@require_http_methods(["GET", "POST"])
def staff_new(request: HttpRequest) -> HttpResponse:
    """Create a member of staff and show their one-time password."""
    form = StaffForm(posted(request), actor=request.user)
    if request.method == "POST" and form.is_valid():
        person, password = services.create_staff(actor=request.user, **form.cleaned_data)
        return _show_password(request, person, password)
    return render(request, "accounts/staff_form.html", {"form": form}, status=422 if form.errors else 200)


@under(ADMINISTRATORS)
@confirm.required(only_changes=True)
@require_http_methods(["GET", "POST"])
def staff_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change name, role, units, or whether somebody may log in."""
    person = get_object_or_404(User, pk=pk)
    form = StaffForm(posted(request), instance=get_object_or_404(User, pk=pk), actor=request.user)
    if request.method == "POST" and form.is_valid():
        services.update_staff(actor=request.user, user=person, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("staff_list")
    context = {"form": form, "person": person, "second_factor": selectors.has_second_factor(person)}
    return render(request, "accounts/staff_form.html", context, status=422 if form.errors else 200)


@under(ADMINISTRATORS)
@confirm.required(only_changes=True)
@require_POST
def staff_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Replace somebody's password by a one-time one and show it."""
    person = get_object_or_404(User, pk=pk)
    return _show_password(request, person, services.renew_password(actor=request.user, user=person))


@under(ADMINISTRATORS)
@confirm.required
@require_POST
def staff_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    """End every session and token of somebody at once; they may log in again."""
    person = get_object_or_404(User, pk=pk)
    services.end_sessions(actor=request.user, user=person)
    if person == request.user:
        return redirect("account_login")
    messages.success(request, _("Every session and every token of this person has ended."))
    return redirect("staff_edit", person.pk)


@under(ADMINISTRATORS)
@confirm.required(only_changes=True)
@require_http_methods(["GET", "POST"])
def staff_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask whether somebody's lost second factor shall go, and take it away."""
    person = get_object_or_404(User, pk=pk)
    if request.method == "GET":
        return render(request, "accounts/second_factor.html", {"person": person})
    try:
        removed = services.reset_second_factor(actor=request.user, user=person)
    except PermissionDenied:
        messages.error(request, _("Ask another administrator to reset your own second factor."))
    else:
        if removed:
            messages.success(request, _("The second factor is gone; the password alone opens this account."))
        else:
            messages.warning(request, _("This person has no second factor. Nothing was changed."))
    return redirect("staff_edit", person.pk)

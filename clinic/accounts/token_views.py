"""Tokens of programs: one's own, issued and revoked; for administrators everybody's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from clinic.accounts import confirm, confirm_now, tokens
from clinic.accounts.access import ADMINISTRATORS
from clinic.accounts.models import ApiToken
from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.methods import post_or_back
from clinic.rules import STAFF, under
from ml.contracts import Refused

SHOWN = 200


class TokenForm(forms.Form):
    """What the program is called, what it may do and for how long."""

    name = forms.CharField(
        label=gettext_lazy("Program"),
        max_length=60,
        help_text=gettext_lazy("By which you will know the token again."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    # The others are given at /api/token alone, with password and second factor, for a short time.
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"),
        choices=[(scope.value, scope.label) for scope in Scope if scope not in tokens.CONFIRMED],
        initial=[Scope.READ],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Never more than you may. To sign, to take documents out or to open a record in an emergency, a "
            "program asks for a token of short life, with your password and your second factor."
        ),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days it serves"),
        min_value=1,
        max_value=tokens.MOST_DAYS,
        initial=tokens.DEFAULT_DAYS,
        help_text=gettext_lazy("At most 90."),
    )


@under(STAFF)
@require_safe
def token_list(request: HttpRequest) -> HttpResponse:
    """List one's own tokens, those that serve first."""
    return render(request, "tokens/list.html", _listed(request.user.tokens.all()))


@under(ADMINISTRATORS)
@require_safe
def token_list_all(request: HttpRequest) -> HttpResponse:
    """List everybody's tokens."""
    record(Action.VIEW, actor=request.user, kind="token")
    found = ApiToken.objects.select_related("owner").order_by("owner__username", "-issued_at")
    return render(request, "tokens/list.html", _listed(found) | {"everybody": True})


@under(STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def token_new(request: HttpRequest) -> HttpResponse:
    """Issue a token, and show its secret in the answer itself: nothing keeps it for a second look.

    A token outlives the session, so a confirmation is asked for each, however fresh the log-in is.
    """
    form = TokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _confirmed(request, form):
        sent = form.cleaned_data
        try:
            token, secret = tokens.issue(
                owner=request.user,
                name=sent["name"],
                scopes=sent["scopes"],
                lifetime=timedelta(days=sent["days"]),
            )
        except Refused as refusal:
            for problem in refusal.problems:
                field = problem.field if problem.field in form.fields else None
                form.add_error(field, problem.message.to(get_language() or ""))
        else:
            return render(request, "tokens/once.html", {"token": token, "secret": secret})
    confirm_now.ask(request)
    return render(request, "tokens/new.html", {"form": form}, status=422 if form.errors else 200)


def _confirmed(request: HttpRequest, form: TokenForm) -> bool:
    """Return whether it was confirmed for this token; otherwise say at the form what is missing."""
    if confirm_now.given(request):
        return True
    problem = confirm.problem(request) or confirm.NEEDED
    form.add_error(None, problem.message.to(get_language() or ""))
    return False


@under(STAFF)
@post_or_back("token_list")
def token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """End a token of one's own; an administrator any."""
    token = ApiToken.objects.select_related("owner").filter(pk=token_id).first()
    if token is None or not tokens.may_revoke(request.user, token):
        record(Action.REFUSED, actor=request.user, kind="token", object_id=str(token_id))
        raise Http404
    if tokens.revoke(actor=request.user, token=token):
        messages.success(request, _("The token is revoked: it opens nothing any more."))
    else:
        messages.warning(request, _("This token had ended already."))
    return redirect("token_list" if token.owner == request.user else "token_list_all")


def _listed(found: object) -> dict[str, object]:
    listed = list(found[:SHOWN])
    return {
        "serving": [token for token in listed if token.serving],
        "ended": [token for token in listed if not token.serving],
    }

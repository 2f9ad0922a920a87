"""What the templates of the entrance ask for."""

from __future__ import annotations

import json
from typing import Any

from allauth.mfa.models import Authenticator
from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.template import Context

from clinic.accounts import confirm, sessions

register = template.Library()


@register.simple_tag(takes_context=True)
def confirming(context: Context) -> dict[str, Any]:
    """Return whether this page must ask who sits there, what it may ask for, and what was wrong."""
    request = context.get("request")
    if request is None or not request.user.is_authenticated or confirm.fresh(request):
        return {"needed": False}
    kinds = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    return {
        "needed": True,
        "password": request.user.has_usable_password(),
        "code": Authenticator.Type.TOTP in kinds,
        "passkey": Authenticator.Type.WEBAUTHN in kinds,
        "problem": confirm.problem(request),
    }


@register.simple_tag(takes_context=True)
def session_left(context: Context) -> int:
    """Return how many seconds the session of the page still lasts without a sign of life."""
    request = context["request"]
    return max(0, int(sessions.left(request.session)[0]))


@register.filter
def as_json(value: Any) -> str:
    """Write a value for a ``data-`` attribute, which needs no script in the page."""
    return json.dumps(value, cls=DjangoJSONEncoder)

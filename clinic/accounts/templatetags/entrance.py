"""What the templates of the entrance ask for."""

from __future__ import annotations

import json
import time
from typing import Any

from allauth.mfa.models import Authenticator
from django import template
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.template import Context

from clinic.accounts import confirm, factors, sessions

register = template.Library()


@register.simple_tag(takes_context=True)
def confirming(context: Context) -> dict[str, Any]:
    """Return whether this page must ask who sits there, what it may ask for, and what was wrong.

    While it need not, ``left`` says for how many seconds; a page open for longer asks by itself.
    """
    request = context.get("request")
    if request is None or not request.user.is_authenticated:
        return {"needed": False}
    fresh = confirm.fresh(request)
    kinds = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    return {
        "needed": not fresh,
        "left": int(settings.CONFIRM_SECONDS - (time.time() - request.session[confirm.CONFIRMED]))
        if fresh
        else 0,
        "again": request.method == "POST" and not fresh,
        "problem": None if fresh else confirm.problem(request),
        "password": request.user.has_usable_password(),
        "code": Authenticator.Type.TOTP in kinds,
        "passkey": Authenticator.Type.WEBAUTHN in kinds,
    }


@register.simple_tag(takes_context=True)
def session_left(context: Context) -> dict[str, int]:
    """Return the seconds the session of the page still lasts without a sign of life, and its measures."""
    left, _latest = sessions.left(context["request"].session)
    return {
        "left": max(0, int(left)),
        "idle": settings.IDLE_SECONDS,
        "warn": settings.IDLE_WARNING_SECONDS,
    }


@register.simple_tag(takes_context=True)
def serving_tokens(context: Context) -> int:
    """Return how many tokens of the person of the page still open something."""
    return sum(token.serving for token in context["request"].user.tokens.filter(revoked_at=None))


@register.filter
def as_json(value: Any) -> str:
    """Write a value for a ``data-`` attribute, which needs no script in the page."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.simple_tag(takes_context=True)
def second_factor_missing(context: Context) -> bool:
    """Return whether the person of the page must set a second factor up before anything else."""
    return settings.REQUIRE_MFA and not factors.enrolled(context["request"].user)

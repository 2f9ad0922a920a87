"""The rooms about running models that are open to somebody who is no model steward."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.accounts.models import User
from predictions.agreement import access as agreement
from predictions.feedback import access as feedback

register = template.Library()


@register.simple_tag
def rooms_of(user: User) -> list[dict[str, Any]]:
    """Return the rooms of a clinician, a lead or an administrator: code, address and name of each."""
    found = []
    if user.is_authenticated and agreement.offers(user):
        found.append({"code": "agreement", "url": reverse("agreement"), "label": _("Agreement")})
    if user.is_authenticated and feedback.algorithms(user):
        found.append({"code": "feedback", "url": reverse("training_sets"), "label": _("Training sets")})
    return [{"code": "models", "url": reverse("models"), "label": _("Models")}, *found] if found else []

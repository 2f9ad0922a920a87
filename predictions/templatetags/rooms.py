"""The rooms about running models that are open to who is no model steward, and the way to batches."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.accounts.models import User
from ml.contracts import Contract
from predictions.agreement import access as agreement
from predictions.batches import access as batches
from predictions.deployments import access as deployments
from predictions.feedback import access as feedback

register = template.Library()


@register.simple_tag
def rooms_of(user: User) -> list[dict[str, Any]]:
    """Return the rooms of a clinician, a lead or an administrator: code, address and name of each."""
    if not user.is_authenticated:
        return []
    rooms = (
        ("deployments", "deployment_list", _("Deployments"), deployments.may_follow(user)),
        ("agreement", "agreement", _("Agreement"), bool(agreement.offers(user))),
        ("feedback", "training_sets", _("Training sets"), bool(feedback.algorithms(user))),
        ("batches", "batch_list", _("Batches"), batches.may_see_any(user)),
    )
    everybody = (("models", "models", _("Models"), True), ("versions", "versions", _("Versions"), True))
    return [
        {"code": code, "url": reverse(name), "label": label}
        for code, name, label, is_open in (*everybody, *rooms)
        if is_open
    ]


@register.simple_tag
def batch_address(user: User, contract: Contract) -> str:
    """Return where ``user`` has many such cases answered at once; empty where they may not."""
    return reverse("batch_new", args=[contract.name]) if batches.may_send(user, contract) else ""

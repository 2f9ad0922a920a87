"""The rooms about running models that are open to who is no model steward, and the way to batches."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml.contracts import Contract
from predictions.agreement import access as agreement
from predictions.batches import access as batches
from predictions.deployments import access as deployments
from predictions.deployments.models import Deployment, Standing
from predictions.feedback import access as feedback
from predictions.monitoring import access as monitoring
from predictions.monitoring.models import Alert
from predictions.versions.models import Proposal

register = template.Library()


@register.simple_tag
def rooms_of(user: User) -> list[dict[str, Any]]:
    """Return the rooms of a clinician, a lead or an administrator: code, address and name of each."""
    if not user.is_authenticated:
        return []
    rooms = (
        ("deployments", "deployment_list", _("Deployments"), deployments.may_follow(user)),
        ("monitoring", "monitoring", _("Monitoring"), monitoring.may_look(user)),
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
def waiting_of(user: User, algorithm: str) -> list[dict[str, str]]:
    """Return what about a model waits for somebody, to its stewards: shape, words and address of each."""
    if user.role != Role.STEWARD:
        return []
    found = []
    if new := Alert.objects.filter(algorithm=algorithm, closed_at=None, acknowledged_at=None).count():
        words = ngettext("%(n)s new alert", "%(n)s new alerts", new) % {"n": new}
        found.append({"shape": "▲", "words": words, "url": reverse("monitoring")})
    found += [
        {
            "shape": "◆",
            "words": _("version %(v)s proposed") % {"v": one.version},
            "url": reverse("proposal", args=[algorithm, one.pk]),
        }
        for one in Proposal.objects.filter(algorithm=algorithm, open=True)
    ]
    found += [
        {
            "shape": "◆",
            "words": _("deployment of %(v)s waits for approval") % {"v": one.version},
            "url": reverse("deployment", args=[one.pk]),
        }
        for one in Deployment.objects.filter(algorithm=algorithm, standing=Standing.PROPOSED)
    ]
    return found


@register.simple_tag
def batch_address(user: User, contract: Contract) -> str:
    """Return where ``user`` has many such cases answered at once; empty where they may not."""
    return reverse("batch_new", args=[contract.name]) if batches.may_send(user, contract) else ""

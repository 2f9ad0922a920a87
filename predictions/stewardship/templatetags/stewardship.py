"""What pages say of trainings and of the version that serves."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext_lazy as _

from ml.contracts import Text
from predictions.stewardship import columns, selectors, serving, taken_back
from predictions.stewardship.models import Training
from predictions.stewardship.states import PENDING, Stage, State
from predictions.versions import access, beside

register = template.Library()

STEPS = (
    ("columns", _("Columns")),
    ("report", _("Data report")),
    ("training", _("Training")),
    ("outcome", _("Outcome and service")),
)


@register.filter
def tier_words(training: Training) -> Text | str:
    """Return in words how much of the model was learned here."""
    return columns.door(training.algorithm).TIERS.get(training.tier, training.tier)


@register.inclusion_tag("stewardship/steps.html")
def steps_of(training: Training) -> dict[str, Any]:
    """Write the steps of a training and mark the one it is at."""
    return {"steps": STEPS, "step": _step(training)}


def _step(training: Training) -> str:
    if training.state == State.UPLOADED:
        return "columns"
    if training.stage == Stage.REPORT:
        return "report"
    return "training" if training.state in PENDING else "outcome"


@register.inclusion_tag("stewardship/taken_back.html")
def taken_back_of(algorithm: str, version: str) -> dict[str, Any]:
    """Write that people went back from a version, and why, where it is to be tried again."""
    return {"taken_back": taken_back.last(algorithm, version)}


@register.inclusion_tag("stewardship/service.html", takes_context=True)
def service_of(context: template.Context, algorithm: str) -> dict[str, Any]:
    """Write which version of a model serves, since when, who decided it, and what came before."""
    user = context.get("user")
    return {
        "contract": context["contract"],
        "user": user,
        "service": selectors.service(algorithm),
        "beside": beside.of(algorithm),
        "former": serving.former(algorithm),
        "may_return": access.may_return(user, algorithm),
        "trains": algorithm in selectors.TRAINABLE,
    }

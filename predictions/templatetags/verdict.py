"""What a signer thinks of a result, for the page of a study."""

from __future__ import annotations

from django import template
from django.utils.translation import get_language

from predictions import verdicts
from predictions.models import Review, Signature

register = template.Library()


@register.filter
def dissent(signature: Signature | None) -> str:
    """Say that the signer does not share the result, and why; nothing for an agreement or a draft."""
    if not signature or verdicts.agrees(signature.review):
        return ""
    return verdicts.sentence(signature.review, get_language() or "")


@register.filter
def verdict_line(review: Review) -> str:
    """Say verdict and reason of an opinion, or that its signer had not seen the result."""
    return verdicts.line(review, get_language() or "")

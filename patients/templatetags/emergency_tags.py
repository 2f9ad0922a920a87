"""What the banner of a patient says: where they are, and by what emergency access the record is open."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from patients import emergency, selectors
from patients.models import EmergencyAccess, Encounter, Patient

register = template.Library()


@register.simple_tag(takes_context=True)
def emergency_access(context: dict[str, Any], patient: Patient) -> EmergencyAccess | None:
    """Return the running emergency access of whoever looks, ``None`` where the record is open anyway."""
    user = context.get("user")
    return emergency.current(user, patient) if user is not None and user.is_authenticated else None


@register.simple_tag(takes_context=True)
def stay(context: dict[str, Any], patient: Patient) -> Encounter | None:
    """Return where the patient is now, for whoever looks: in their own unit before any other."""
    return selectors.present_stay(context["user"], patient)


@register.filter
def minutes_left(found: EmergencyAccess) -> int:
    """Return how many whole minutes an access still lasts."""
    return max(0, int((found.expires_at - timezone.now()).total_seconds()) // 60)

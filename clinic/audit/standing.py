"""What the verifications of the chain that were kept say together.

Only a walk from the first link on counts as a verification of the chain. One that began later may add a
fault to what is known, but never takes one away: it did not look at what lies before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clinic.audit.models import Verification


@dataclass(frozen=True, slots=True)
class Standing:
    """How the chain stands.

    Parameters
    ----------
    verified_at
        When it was last walked from its first link; ``None`` when it never was.
    finding
        What that walk, or one of a part since then, found; empty when all was well.
    part_at, part_since
        The last walk of a part since then, and the seal it began with; ``None`` without one.
    """

    verified_at: datetime | None
    finding: str
    part_at: datetime | None
    part_since: int | None


def standing() -> Standing:
    """Return how the chain stands after its last whole verification and those of parts since."""
    whole = Verification.objects.filter(since=1).order_by("-pk").first()
    parts = Verification.objects.filter(since__gt=1, pk__gt=whole.pk if whole else 0).order_by("-pk")
    part = parts.first()
    finding = whole.finding if whole else ""
    return Standing(
        verified_at=whole.at if whole else None,
        finding=finding or parts.exclude(finding="").values_list("finding", flat=True).first() or "",
        part_at=part.at if part else None,
        part_since=part.since if part else None,
    )

"""What a report counts: one algorithm in one unit, a version or all, a period of whole months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Self

from django.utils import timezone

from predictions.agreement.models import Report


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report counts.

    Parameters
    ----------
    since, until
        From the first moment to before the second.
    """

    algorithm: str
    unit_id: int
    version: str
    since: datetime
    until: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return what was asked, up to the moment it was asked in: so it is known what a report holds."""
        zone = timezone.get_current_timezone()
        since, until = (datetime.combine(day, time.min, tzinfo=zone) for day in (report.since, report.until))
        until = max(since, min(until, report.queued_at))
        return cls(report.algorithm, report.unit_id, report.version, since, until)

    def overlaps(self, other: Scope) -> bool:
        """Return whether something may be counted in both, which are of one algorithm and unit."""
        same = not self.version or not other.version or self.version == other.version
        return same and self.since < other.until and other.since < self.until

    def filters(self, *, study: str, prediction: str, at: str) -> dict[str, Any]:
        """Return conditions on rows, given the ways from a row to its study, prediction and moment.

        Parameters
        ----------
        study, prediction
            As in a lookup (``"prediction__study"``).
        """
        found: dict[str, Any] = {
            # Who reads or scores a repetition may know what was said of the same files before.
            f"{study}__repeats_with__isnull": True,
            f"{study}__algorithm": self.algorithm,
            f"{study}__unit": self.unit_id,
            f"{at}__gte": self.since,
            f"{at}__lt": self.until,
        }
        return found | ({f"{prediction}__package_version": self.version} if self.version else {})

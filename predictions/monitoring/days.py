"""Days of studies: a study belongs to the day on which its analysis ended, by the clock of the hospital."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from clinic.accounts.models import Unit
from predictions.models import Prediction, Study
from predictions.states import State

ENDED = (State.READY, State.SIGNED, State.REFUSED)
"""States that say something of input or answer; a failed analysis says something of the machine."""


@dataclass(frozen=True, slots=True)
class Days:
    """A stretch of days, both inclusive."""

    first: date
    last: date

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """From the first moment to the first one after."""
        return midnight(self.first), midnight(self.last + timedelta(days=1))

    def overlaps(self, other: Days) -> bool:
        """Whether they share a day."""
        return self.first <= other.last and other.first <= self.last


def midnight(day: date) -> datetime:
    """Return when a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))


def today() -> date:
    """Return the present day here; no window holds it before it is over."""
    return timezone.localdate()


def within(days: Days) -> Q:
    """Return the condition that an analysis ended in these days."""
    begin, end = days.moments
    return Q(finished_at__gte=begin, finished_at__lt=end)


def studies(algorithm: str, unit: Unit) -> QuerySet[Study]:
    """Return the studies of a unit that count; one that was analysed again is the same case as before."""
    return Study.objects.filter(algorithm=algorithm, unit=unit, state__in=ENDED, repeats_with=None)


def speaking(algorithm: str, unit: Unit, days: Days) -> int:
    """Return how many studies of some days a comparison has; a simulated night is nobody's."""
    found = studies(algorithm, unit).filter(within(days))
    answers = Prediction.objects.filter(study__in=found.exclude(state=State.REFUSED))
    latest = answers.order_by("study_id", "-created_at").values_list("study_id", "result__simulated")
    simulated: dict[object, bool] = {}
    for study, said in latest:
        simulated.setdefault(study, bool(said))
    return found.filter(state=State.REFUSED).count() + sum(not said for said in simulated.values())


def counts(algorithm: str, unit: Unit, since: date | None = None) -> Counter[date]:
    """Return how many analyses ended on each day that is over."""
    found = studies(algorithm, unit).filter(finished_at__lt=midnight(today()))
    if since is not None:
        found = found.filter(finished_at__gte=midnight(since))
    by_day = found.annotate(day=TruncDate("finished_at")).values("day").order_by("day")
    return Counter({row["day"]: row["n"] for row in by_day.annotate(n=Count("pk"))})

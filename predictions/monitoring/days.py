"""Days of studies: a study belongs to the day on which its analysis ended, by the clock of the hospital."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from clinic.accounts.models import Unit
from predictions.models import Prediction, Study
from predictions.states import State

ONE_DAY = timedelta(days=1)
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
    """Return how many patients a comparison of some days has; a simulated night is nobody's."""
    found = studies(algorithm, unit).filter(within(days))
    answers = Prediction.objects.filter(study__in=found.exclude(state=State.REFUSED))
    latest = answers.order_by("study_id", "-created_at")
    simulated: dict[object, tuple[object, bool]] = {}
    for study, patient, said in latest.values_list("study_id", "study__patient_id", "result__simulated"):
        simulated.setdefault(study, (patient, bool(said)))
    refused = found.filter(state=State.REFUSED).order_by().values_list("patient_id", flat=True).distinct()
    return len(set(refused) | {patient for patient, said in simulated.values() if not said})


def counts(algorithm: str, unit: Unit, since: date | None = None) -> Counter[date]:
    """Return of how many patients the first analysis ended on each day that is over.

    Added up, they are the patients that a window from ``since`` on has; from the beginning where it is not
    given.
    """
    found = studies(algorithm, unit).filter(finished_at__lt=midnight(today()))
    if since is not None:
        found = found.filter(finished_at__gte=midnight(since))
    first = found.order_by().values("patient_id").annotate(first=Min("finished_at"))
    return Counter(timezone.localdate(row["first"]) for row in first)

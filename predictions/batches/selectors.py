"""Reading batches, for the pages and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from predictions.batches.models import Batch, Item, ItemState, Stage, Step
from predictions.models import JobState

PREPARED_KEPT = timedelta(days=1)
"""How long a table waits for its columns to be named."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of a batch are where."""

    rows: int = 0
    waiting: int = 0
    ok: int = 0
    refused: int = 0
    failed: int = 0
    withdrawn: int = 0

    @property
    def ended(self) -> int:
        """How many are waited for no more."""
        return self.rows - self.waiting

    @property
    def percent(self) -> int:
        """How many of a hundred are waited for no more, rounded down."""
        return 100 * self.ended // self.rows if self.rows else 0

    @property
    def unanswered(self) -> int:
        """How many ended without an answer."""
        return self.refused + self.failed + self.withdrawn


def counts(batch: Batch) -> Counts:
    """Count the rows of a batch."""
    by_state = dict(batch.items.order_by().values_list("state").annotate(Count("pk")))
    return Counts(rows=sum(by_state.values()), **{str(state): n for state, n in by_state.items()})


def unanswered(batch: Batch) -> QuerySet[Item]:
    """Return the rows that ended without an answer, in their order."""
    return batch.items.filter(state__in=(ItemState.REFUSED, ItemState.FAILED, ItemState.WITHDRAWN))


def repeatable(found: Counts) -> int:
    """Return how many rows can be asked again."""
    return found.failed + found.withdrawn


def kept_until(batch: Batch) -> datetime:
    """Return when a batch is swept, as it stands."""
    kept = timedelta(days=settings.BATCH_DAYS)
    return batch.created_at + (min(kept, PREPARED_KEPT) if batch.stage == Stage.PREPARED else kept)


def kept() -> QuerySet[Batch]:
    """Return the batches whose time is not over."""
    return Batch.objects.exclude(_over())


def overdue() -> QuerySet[Batch]:
    """Return the batches whose time is over, and that the next sweep deletes."""
    return Batch.objects.filter(_over())


def _over() -> Q:
    now = timezone.now()
    days = timedelta(days=settings.BATCH_DAYS)
    unnamed = Q(stage=Stage.PREPARED, created_at__lte=now - PREPARED_KEPT)
    return Q(created_at__lte=now - days) | unnamed


def failed_job(batch: Batch) -> UUID | None:
    """Return the number under which the log knows why a batch failed as a whole; ``None`` when it did not."""
    if batch.stage != Stage.FAILED:
        return None
    whole = batch.chunks.filter(step__in=(Step.READ, Step.WRITE), state=JobState.FAILED)
    return whole.order_by("-finished_at").values_list("pk", flat=True).first()

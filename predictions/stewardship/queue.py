"""Waking the worker of the ``training`` queue. The database knows what waits."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from ml.contracts import Limits
from predictions.queue import HARD_LIMIT_GRACE, unless_away, wake
from predictions.stewardship.models import Training
from predictions.stewardship.states import Stage, State

QUEUE = "training"
WORK = "stewardship.work"
GIBIBYTE = 1 << 30
LIMITS = {
    Stage.REPORT: Limits(seconds=300, memory_bytes=3 * GIBIBYTE),
    Stage.TRAINING: Limits(seconds=1800, memory_bytes=4 * GIBIBYTE),
}


@unless_away
def send(training_id: UUID) -> bool:
    """Wake the worker for a waiting training; ``False`` when there is no broker or nothing waits."""
    training = Training.objects.filter(pk=training_id, state=State.QUEUED).first()
    if training is None:
        return False
    limit = LIMITS[Stage(training.stage)].seconds + HARD_LIMIT_GRACE
    if not wake(WORK, {"training_id": str(training_id)}, QUEUE, time_limit=limit):
        return False
    Training.objects.filter(pk=training_id, state=State.QUEUED).update(sent_at=timezone.now())
    return True

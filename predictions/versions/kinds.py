"""The background work of this room: judging a proposal, telling MLflow."""

from __future__ import annotations

from ml.contracts import Limits
from predictions.jobs import Kind
from predictions.stewardship.queue import QUEUE
from predictions.versions.models import Mirroring, Proposal

GIBIBYTE = 1 << 30
JUDGING = Limits(seconds=600, memory_bytes=4 * GIBIBYTE)
MIRRORING = Limits(seconds=900, memory_bytes=6 * GIBIBYTE)


def _close(row: Proposal) -> None:
    """Close a proposal that no worker could judge, so that another can be made."""
    Proposal.objects.filter(pk=row.pk).update(open=False)


ALL = (
    Kind(
        "proposal",
        Proposal,
        "predictions.versions.judging.judge",
        limits_of=lambda row: JUDGING,
        lost=_close,
    ),
    Kind(
        "mirroring",
        Mirroring,
        "predictions.versions.mirroring.mirror",
        queue_of=lambda row: QUEUE,
        limits_of=lambda row: MIRRORING,
    ),
)

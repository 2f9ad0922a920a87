"""The states of a training and the only ways between them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a training is on its journey."""

    UPLOADED = "uploaded", _("columns to name")
    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    CHECKED = "checked", _("ready to train")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("not accepted")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Stage(models.TextChoices):
    """What a worker is asked to do with the file."""

    REPORT = "report", _("data report")
    TRAINING = "training", _("training")


# The report comes first and may be asked again for other columns as long as the file is there; a training
# runs once and ends. A lost worker sends either back to the queue.
WAYS: dict[State, frozenset[State]] = {
    State.UPLOADED: frozenset({State.QUEUED, State.WITHDRAWN}),
    State.QUEUED: frozenset({State.RUNNING}),
    State.RUNNING: frozenset(
        {
            State.QUEUED,
            State.CHECKED,
            State.UPLOADED,
            State.ACCEPTED,
            State.REJECTED,
            State.REFUSED,
            State.FAILED,
        }
    ),
    State.CHECKED: frozenset({State.QUEUED, State.UPLOADED, State.WITHDRAWN}),
    State.ACCEPTED: frozenset(),
    State.REJECTED: frozenset(),
    State.REFUSED: frozenset(),
    State.FAILED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

PENDING = (State.QUEUED, State.RUNNING)
PREPARED = (State.UPLOADED, State.CHECKED)
ENDED = (State.ACCEPTED, State.REJECTED, State.REFUSED, State.FAILED, State.WITHDRAWN)


class NoSuchWay(Exception):
    """Raised when a training is asked to go where its state does not lead."""


def check(current: str, following: State) -> None:
    """Raise :class:`NoSuchWay` unless ``following`` can come after ``current``."""
    if following not in WAYS[State(current)]:
        raise NoSuchWay(f"a training that is {current} cannot become {following}")

"""The states of a study and the only ways between them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a study is on its journey."""

    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    READY = "ready", _("to sign")
    SIGNED = "signed", _("signed")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")


# A lost worker sends a running study back to the queue; an amendment of a signed study is a new
# version that has to be signed again; a failed or refused one may be submitted again by a person.
WAYS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.FAILED}),
    State.RUNNING: frozenset({State.READY, State.REFUSED, State.FAILED, State.QUEUED}),
    State.READY: frozenset({State.SIGNED}),
    State.SIGNED: frozenset({State.READY}),
    State.REFUSED: frozenset(),
    State.FAILED: frozenset({State.QUEUED}),
}

PENDING = (State.QUEUED, State.RUNNING)
FINAL = (State.READY, State.SIGNED, State.REFUSED, State.FAILED)


class NoSuchWay(Exception):
    """Raised when a study is asked to go where its state does not lead."""


def check(current: str, following: State) -> None:
    """Raise :class:`NoSuchWay` unless ``following`` can come after ``current``."""
    if following not in WAYS[State(current)]:
        raise NoSuchWay(f"a study that is {current} cannot become {following}")

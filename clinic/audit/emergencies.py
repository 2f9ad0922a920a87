"""The mark of an emergency access on what is done under it, supplied by the floor that grants such access."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

Running = Callable[[Any, UUID], UUID | None]
_registered: list[Running] = []


def register(function: Running) -> None:
    """Ask ``function`` for the running access of a person to a record; called from ``AppConfig.ready``."""
    _registered.append(function)


def running(actor: Any, patient: UUID | None) -> UUID | None:
    """Return the emergency access under which ``actor`` works on ``patient``; ``None`` without one."""
    if actor is None or patient is None:
        return None
    found = (function(actor, patient) for function in _registered)
    return next((access for access in found if access is not None), None)

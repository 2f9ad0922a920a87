"""What follows when a patient says whether their data, without their name, may be learned from.

The floors above register what they give out for it: whoever asks where a patient's data went has to be told,
and a refusal has to reach what was written before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from patients.models import Patient


@dataclass(frozen=True, slots=True)
class Use:
    """One file in which a patient's data went out, without their name.

    Parameters
    ----------
    title
        What it is, in the language of the moment.
    name
        What the patient is called in it, by which whoever has a copy finds what to take out.
    detail
        What became of it since, empty while it is in use.
    """

    at: datetime
    title: str
    name: str
    detail: str = ""


_uses: list[Callable[[Patient], Iterable[Use]]] = []
_listeners: list[Callable[[Patient], object]] = []


def register(*, uses: Callable[[Patient], Iterable[Use]], changed: Callable[[Patient], object]) -> None:
    """Add a floor that gives data out; called from ``AppConfig.ready``.

    Parameters
    ----------
    uses
        Returns what held a patient's data.
    changed
        Called with a patient who said something else, in the transaction that keeps it.
    """
    _uses.append(uses)
    _listeners.append(changed)


def changed(patient: Patient) -> None:
    """Tell every floor what a patient says now."""
    for listener in _listeners:
        listener(patient)


def uses(patient: Patient) -> list[Use]:
    """Return everything in which a patient's data went out, the latest first."""
    found = [use for source in _uses for use in source(patient)]
    return sorted(found, key=lambda use: use.at, reverse=True)

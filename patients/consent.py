"""What follows when a patient says whether their data, without their name, may be learned from.

The floors above register what they give out for it: whoever asks where a patient's data went has to be told,
and a refusal has to reach what was written before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from patients.erasure import OPEN
from patients.models import Erasure, LegalHold, Patient, Research


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


UNASKED, REFUSED, ERASURE, HOLD = "not_asked", "refused", "erasure_open", "legal_hold"
"""Why a patient's data may not be learned from."""

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


def barred(patients: Iterable[UUID]) -> dict[UUID, str]:
    """Return whose data may not be learned from, with the reason; everybody else of ``patients`` agreed.

    Besides who was not asked or refuses, whoever is about to be erased or is under a legal hold stays out:
    the one will be gone, and what a court may ask for is not spread.
    """
    asked = set(patients)
    said = Patient.objects.filter(pk__in=asked).order_by().values_list("pk", "research")
    found = {
        pk: REFUSED if word == Research.REFUSED else UNASKED for pk, word in said if word != Research.AGREED
    }
    held = LegalHold.objects.filter(released_at=None, patient__in=asked).values_list("patient_id", flat=True)
    going = Erasure.objects.filter(state__in=OPEN, patient__in=asked).values_list("patient", flat=True)
    gone = asked - set(Patient.objects.filter(pk__in=asked).order_by().values_list("pk", flat=True))
    for ids, why in ((held, HOLD), (going, ERASURE), (gone, ERASURE)):
        found |= dict.fromkeys(set(ids) - found.keys(), why)
    return found

"""One timeline per patient, to which the floors above add their studies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from clinic.accounts.models import User
from patients.models import Patient


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a patient.

    Parameters
    ----------
    kind
        ``"encounter"``, ``"study"``, ...: chooses the mark.
    title
        What it is, in the language of the moment.
    state, state_label
        Code (for the mark's class) and word of its state, empty without one.
    detail
        The answer in a few words.
    url
        Where it opens, empty when it has no page.
    """

    at: datetime
    kind: str
    title: str
    state: str = ""
    state_label: str = ""
    detail: str = ""
    url: str = ""


Source = Callable[[User, Patient], Iterable[Entry]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source of entries; called from ``AppConfig.ready``."""
    _sources.append(source)


def of(user: User, patient: Patient) -> list[Entry]:
    """Return what ``user`` may see of ``patient``'s history, latest first."""
    entries = [entry for source in _sources for entry in source(user, patient)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)

"""What the floors above offer for one stay, shown beside it on the patient's page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from clinic.accounts.models import User
from patients.models import Encounter


@dataclass(frozen=True, slots=True)
class Link:
    """One thing to open about a stay.

    Parameters
    ----------
    label
        What it is, in the language of the moment.
    action
        Whether it is something to do; otherwise something to read.
    """

    label: str
    url: str
    action: bool = False


Source = Callable[[User, Encounter], Iterable[Link]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source of links; called from ``AppConfig.ready``."""
    _sources.append(source)


def of(user: User, encounter: Encounter) -> list[Link]:
    """Return what ``user`` may open about a stay."""
    return [link for source in _sources for link in source(user, encounter)]

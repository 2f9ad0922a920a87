"""Names for the records in audit pages, supplied by the floors above that own them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

Names = Callable[[Collection[UUID]], Mapping[UUID, str]]
Finder = Callable[[str], Collection[UUID]]


@dataclass(frozen=True, slots=True)
class _Naming:
    names: Names
    find: Finder | None


_registered: dict[str, _Naming] = {}


def register(kind: str, function: Names, *, find: Finder | None = None) -> None:
    """Name the records of one kind; called from ``AppConfig.ready`` of the application that owns them.

    Parameters
    ----------
    kind
        ``"patient"`` or ``"study"``, the columns of an event.
    function
        Takes ids, returns a name for each that exists; one query for a whole page.
    find
        Takes what an auditor typed (a name, a record number), returns the ids it may mean.
    """
    _registered[kind] = _Naming(function, find)


def names(kind: str, ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Return the names of ``ids``; those nobody can name any more are missing."""
    naming = _registered.get(kind)
    return naming.names(ids) if naming and ids else {}


def find(kind: str, text: str) -> Collection[UUID]:
    """Return the ids of records that ``text`` may mean."""
    naming = _registered.get(kind)
    return naming.find(text) if naming and naming.find else ()

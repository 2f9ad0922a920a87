"""Telling members of staff what they have to know: kept, counted in the frame of every page, acknowledged."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import get_language

from clinic.accounts.models import Notice, Unit, User
from clinic.accounts.roles import Role
from clinic.audit import naming
from ml.contracts import Text


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice as its page shows it.

    Parameters
    ----------
    name
        The record it is about, empty without one, or once that is erased.
    """

    notice: Notice
    text: str
    name: str


def notify(recipients: Iterable[User], text: Text, *, link: str = "", about: str = "") -> list[Notice]:
    """Tell each of ``recipients`` once; it commits or rolls back with the transaction it is called in.

    Parameters
    ----------
    text
        In both languages; it must name no patient, as a notice outlives an erasure.
    link
        Path of the page to look at, of this product.
    about
        ``"patient:<id>"`` or another kind of :mod:`clinic.audit.naming`: named while the record exists.
    """
    people = {person.pk: person for person in recipients}
    return Notice.objects.bulk_create(
        [
            Notice(recipient=person, text=text.as_json(), link=link, about=about, at=timezone.now())
            for person in people.values()
        ]
    )


def leads(units: Iterable[Unit]) -> list[User]:
    """Return who is told about the records of ``units``: their leads who work there and may log in, and
    every administrator for a unit without one.
    """
    found: dict[int, User] = {}
    for unit in units:
        people = unit.leads.filter(is_active=True, units=unit) or administrators()
        found |= {person.pk: person for person in people}
    return list(found.values())


def administrators() -> QuerySet[User]:
    """Return the administrators who may log in."""
    return User.objects.filter(role=Role.ADMIN, is_active=True)


def waiting(user: User) -> int:
    """Return how many notices ``user`` has not acknowledged."""
    return Notice.objects.filter(recipient=user, acknowledged_at=None).count()


def of(user: User) -> QuerySet[Notice]:
    """Return the notices of ``user``, those to acknowledge first."""
    return Notice.objects.filter(recipient=user).order_by("acknowledged_at", "-at", "-pk")


def shown(found: Collection[Notice]) -> list[Shown]:
    """Return notices in the language of the moment, with the names of what they are about."""
    language = get_language() or "en"
    names = _names({notice.about for notice in found})
    return [
        Shown(notice, Text.from_json(notice.text).to(language), names.get(notice.about, ""))
        for notice in found
    ]


def acknowledge(user: User, chosen: Collection[int]) -> int:
    """Acknowledge some notices of ``user`` by their numbers; return how many still waited.

    Never "all": one that came after the page was drawn has not been read.
    """
    mine = Notice.objects.filter(recipient=user, acknowledged_at=None, pk__in=chosen)
    return mine.update(acknowledged_at=timezone.now())


def _names(subjects: Iterable[str]) -> dict[str, str]:
    """Return the names of subjects ``kind:id``; those nobody can name are missing."""
    ids: dict[str, dict[UUID, str]] = {}
    for subject in subjects:
        kind, _, text = subject.partition(":")
        try:
            ids.setdefault(kind, {})[UUID(text)] = subject
        except ValueError:
            continue
    return {
        subjects[key]: name
        for kind, subjects in ids.items()
        for key, name in naming.names(kind, set(subjects)).items()
    }

"""Half-filled forms, kept on the server for the person who fills them in.

They outlive the session: a night shift is longer than one, and whoever is sent to the log-in page in
the middle of a form finds it again. Nothing is left in a browser that others use after, and no colleague
sees a draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from clinic.accounts.models import User
from predictions.models import Draft, Study

KEPT = 10
# Older answers no longer describe an admission of today.
LIFETIME = timedelta(hours=24)
# No field of a form begins with an underscore.
BEGAN_WITH = "_previous"


def read(
    user: User, algorithm: str, patient: UUID, previous: Study | None = None
) -> tuple[dict[str, str], datetime | None]:
    """Return the answers kept for this form and when they were saved; nothing when there are none.

    Parameters
    ----------
    previous
        The assessment that the form began with: a draft of another beginning is not its draft.
    """
    draft = _of(user, algorithm, patient).filter(saved_at__gt=timezone.now() - LIFETIME).first()
    if draft is None or draft.values.get(BEGAN_WITH, "") != _mark(previous):
        return {}, None
    return {name: value for name, value in draft.values.items() if name != BEGAN_WITH}, draft.saved_at


def save(
    user: User, algorithm: str, patient: UUID, values: Mapping[str, str], previous: Study | None = None
) -> datetime:
    """Keep the answers; old drafts of this person, and the oldest of many, make room."""
    saved_at = timezone.now()
    kept = dict(values) | ({BEGAN_WITH: _mark(previous)} if previous else {})
    draft = Draft(author=user, algorithm=algorithm, patient_id=patient, values=kept, saved_at=saved_at)
    # One statement: two quick changes of a form save at the same time, and neither may fail.
    Draft.objects.bulk_create(
        [draft],
        update_conflicts=True,
        unique_fields=["author", "patient", "algorithm"],
        update_fields=["values", "saved_at"],
    )
    own = Draft.objects.filter(author=user)
    latest = own.filter(saved_at__gt=saved_at - LIFETIME).values_list("pk", flat=True)[:KEPT]
    own.exclude(pk__in=list(latest)).delete()
    return saved_at


def forget(user: User, algorithm: str, patient: UUID) -> None:
    """Drop the draft of a form that was sent or started again."""
    _of(user, algorithm, patient).delete()


def _mark(previous: Study | None) -> str:
    return str(previous.pk) if previous else ""


def _of(user: User, algorithm: str, patient: UUID) -> QuerySet[Draft]:
    return Draft.objects.filter(author=user, algorithm=algorithm, patient_id=patient)

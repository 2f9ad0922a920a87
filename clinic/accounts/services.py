"""Creating and changing staff; every change writes its event."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

from allauth.usersessions.models import UserSession
from django.db import transaction

from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import record

FIELDS = ("username", "first_name", "last_name", "role", "is_active")
# Without 0, 1, l, o: the password is read from a screen and typed on another.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def one_time_password() -> str:
    """Return four groups of five characters, 100 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def _snapshot(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in FIELDS} | {
        "units": sorted(user.units.values_list("code", flat=True))
    }


@transaction.atomic
def create_staff(
    *,
    actor: User | None,
    username: str,
    role: str,
    units: Collection[Unit] = (),
    first_name: str = "",
    last_name: str = "",
    language: str = "",
    password: str = "",
    demo: bool = False,
) -> tuple[User, str]:
    """Create a member of staff.

    Parameters
    ----------
    actor
        The administrator; ``None`` on the command line.
    password
        A lasting password (the demo's); when empty, one is generated that has to be changed at once.

    Returns
    -------
    User, str
        The person, and the password, which is shown once and stored only as a hash.
    """
    temporary = not password
    password = password or one_time_password()
    user = User(
        username=username,
        role=role,
        first_name=first_name,
        last_name=last_name,
        language=language,
        demo=demo,
        temporary_password=temporary,
    )
    user.set_password(password)
    user.save()
    user.units.set(units)
    record(Action.CREATE, actor=actor, kind="staff", object_id=str(user.pk), detail=_snapshot(user))
    return user, password


@transaction.atomic
def update_staff(*, actor: User, user: User, units: Collection[Unit], **changes: Any) -> User:
    """Change name, role, units or whether somebody may log in; disabling ends every session.

    Raises
    ------
    TypeError
        For a change that is not one of :data:`FIELDS`.
    """
    if unknown := set(changes) - set(FIELDS):
        raise TypeError(f"no such field of a member of staff: {', '.join(sorted(unknown))}")
    before = _snapshot(User.objects.select_for_update().get(pk=user.pk))
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=FIELDS)
    user.units.set(units)
    if not user.is_active:
        end_sessions(user)
    after = _snapshot(user)
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if changed:
        record(Action.ADMIN, actor=actor, kind="staff", object_id=str(user.pk), detail=changed)
    return user


@transaction.atomic
def renew_password(*, actor: User, user: User) -> str:
    """Give somebody a new one-time password, which ends their sessions; return it to be shown once."""
    password = one_time_password()
    user.set_password(password)
    user.temporary_password = True
    user.save(update_fields=["password", "temporary_password"])
    end_sessions(user)
    record(Action.ADMIN, actor=actor, kind="password", object_id=str(user.pk), detail={"renewed": True})
    return password


def end_sessions(user: User) -> None:
    """Log somebody out everywhere."""
    for session in UserSession.objects.filter(user=user):
        session.end()

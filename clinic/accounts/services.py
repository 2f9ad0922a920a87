"""Creating and changing staff and their units; every change writes its event."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.db import transaction

from clinic.accounts import lockout, notices, sessions
from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Text

ENDING = frozenset({"is_active", "role", "units"})
FIELDS = ("username", "first_name", "last_name", "role", "is_active")
UNIT_FIELDS = ("name_fr", "name_en", "incidence", "flag_share", "prevalence")
# Without 0, 1, l, o: the password is read from a screen and typed on another.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"

FACTOR_RESET = Text(
    "{name} took your second factor away. If you did not ask for it, tell the administrators at once.",
    "{name} a retiré votre second facteur. Si vous ne l’avez pas demandé, prévenez aussitôt les "
    "administrateurs.",
)
PASSWORD_RENEWED = Text(
    "{name} gave you a new one-time password. If you did not ask for it, tell the administrators at once.",
    "{name} vous a donné un nouveau mot de passe à usage unique. Si vous ne l’avez pas demandé, prévenez "
    "aussitôt les administrateurs.",
)
SESSIONS_ENDED = Text(
    "{name} ended all your sessions and tokens. Log in again, and issue your programs new tokens.",
    "{name} a mis fin à toutes vos sessions et à tous vos jetons. Reconnectez-vous et délivrez de nouveaux "
    "jetons à vos programmes.",
)
WITNESSED = {
    "password": Text(
        "{name} gave {whose} a new one-time password. Whoever does this can enter in their name: ask "
        "{whose} whether they asked for it.",
        "{name} a donné à {whose} un nouveau mot de passe à usage unique, qui permet d’entrer en son nom : "
        "demandez à {whose} si c’était à sa demande.",
    ),
    "second factor": Text(
        "{name} took the second factor of {whose} away. Whoever does this can set up another and enter in "
        "their name: ask {whose} whether they asked for it.",
        "{name} a retiré le second facteur de {whose}. Qui le fait peut en configurer un autre et entrer en "
        "son nom : demandez à {whose} si c’était à sa demande.",
    ),
}


def one_time_password() -> str:
    """Return four groups of five characters, 100 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def _snapshot(user: User) -> dict[str, Any]:
    return {name: getattr(user, name) for name in FIELDS} | {
        "units": sorted(user.units.values_list("code", flat=True))
    }


def _unit_snapshot(unit: Unit) -> dict[str, Any]:
    return {name: getattr(unit, name) for name in UNIT_FIELDS} | {
        "leads": sorted(unit.leads.values_list("username", flat=True))
    }


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the old and the new value of everything that differs."""
    return {name: [before[name], after[name]] for name in after if before[name] != after[name]}


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
    """Change name, role, units or whether somebody may log in.

    Disabling somebody, another role and other units end every session: what is open shows the old rights.

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
    changed = _changed(before, _snapshot(user))
    if changed.keys() & ENDING:
        sessions.end_all(user)
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
    sessions.end_all(user)
    lockout.forgive(user)
    record(Action.ADMIN, actor=actor, kind="password", object_id=str(user.pk), detail={"renewed": True})
    notices.notify([user], PASSWORD_RENEWED.format(name=actor.label))
    _tell_witnesses("password", actor, user)
    return password


@transaction.atomic
def end_sessions(*, actor: User, user: User) -> None:
    """End every session and token of somebody who may go on working: a screen left open, a lost tablet."""
    sessions.end_all(user)
    record(Action.ADMIN, actor=actor, kind="session", object_id=str(user.pk), detail={"ended": "all"})
    if actor != user:
        notices.notify([user], SESSIONS_ENDED.format(name=actor.label))


def _tell_witnesses(what: str, actor: User, user: User) -> None:
    """Tell others than the two concerned: an administrator who acts alone could enter as somebody else."""
    told = {person.pk: person for person in (*notices.administrators(), *notices.leads(user.units.all()))}
    others = [person for person in told.values() if person not in (actor, user)]
    notices.notify(others, WITNESSED[what].format(name=actor.label, whose=user.label))


def reset_second_factor(*, actor: User, user: User) -> bool:
    """Take a lost second factor away, recovery codes with it, and end the person's sessions.

    Returns
    -------
    bool
        Whether there was one; without one nothing happens.

    Raises
    ------
    PermissionDenied
        For one's own, recorded: whoever sits at an open session of an administrator would be rid of it.
    """
    if actor == user:
        record(Action.REFUSED, actor=actor, kind="second factor", object_id=str(user.pk))
        raise PermissionDenied
    with transaction.atomic():
        factors = Authenticator.objects.select_for_update().filter(user=user)
        types = sorted(factor.type for factor in factors)
        if types:
            # Not through allauth, which would say in the audit that the person did it.
            factors.delete()
            sessions.end_all(user)
            lockout.forgive(user)
            notices.notify([user], FACTOR_RESET.format(name=actor.label))
            _tell_witnesses("second factor", actor, user)
            detail = {"reset": types}
            record(Action.ADMIN, actor=actor, kind="second factor", object_id=str(user.pk), detail=detail)
    return bool(types)


@transaction.atomic
def create_unit(
    *,
    actor: User,
    code: str,
    name_fr: str,
    name_en: str,
    incidence: float | None = None,
    flag_share: float | None = None,
    prevalence: float | None = None,
) -> Unit:
    """Create a unit.

    Parameters
    ----------
    code
        What the contracts of its algorithms call it; never changed afterwards.
    incidence
        The unit's own share of what is predicted, between 0 and 1; ``None`` for the model's.
    flag_share
        The share of patients the unit wants flagged, between 0 and 1; ``None`` for the model's.
    prevalence
        The share of patients sent to the unit who have what is looked for, between 0 and 1; ``None`` for
        that of the model's calibration.
    """
    unit = Unit.objects.create(
        code=code,
        name_fr=name_fr,
        name_en=name_en,
        incidence=incidence,
        flag_share=flag_share,
        prevalence=prevalence,
    )
    record(Action.CREATE, actor=actor, kind="unit", object_id=code, detail=_unit_snapshot(unit))
    return unit


@transaction.atomic
def update_unit(*, actor: User, unit: Unit, leads: Collection[User] | None = None, **changes: Any) -> Unit:
    """Change the names of a unit, its shares, or who leads it.

    Parameters
    ----------
    leads
        Who is told of what happens to the records of the unit; ``None`` leaves them.

    Raises
    ------
    TypeError
        For a change that is not one of :data:`UNIT_FIELDS`.
    """
    if unknown := set(changes) - set(UNIT_FIELDS):
        raise TypeError(f"no such field of a unit, or fixed: {', '.join(sorted(unknown))}")
    unit = Unit.objects.select_for_update().get(pk=unit.pk)
    before = _unit_snapshot(unit)
    for name, value in changes.items():
        setattr(unit, name, value)
    unit.save(update_fields=UNIT_FIELDS)
    if leads is not None:
        unit.leads.set(leads)
    if changed := _changed(before, _unit_snapshot(unit)):
        record(Action.ADMIN, actor=actor, kind="unit", object_id=unit.code, detail=changed)
    return unit

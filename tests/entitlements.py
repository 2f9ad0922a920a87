"""What each kind of visitor gets at an address: the words in which the test of every address is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clinic.accounts.roles import Role
from predictions.states import State
from tests.visitors import LOGIN

IN, FORBIDDEN, HIDDEN, UNKNOWN = 200, 403, 404, 401


@dataclass(frozen=True)
class Rule:
    """What each visitor gets.

    Parameters
    ----------
    answers
        Status by the last or first word of a visitor ("here", "midwife here", "admin"); the most specific
        counts, ``"*"`` is for everybody else.
    """

    method: str
    answers: Mapping[str, int | str]
    data: Mapping[str, Any] = field(default_factory=dict)
    state: State = State.READY

    def expects(self, visitor: str) -> int | str:
        """Return the answer ``visitor`` must get."""
        for key in (visitor, visitor.split()[-1]):
            if key in self.answers:
                return self.answers[key]
        return self.answers["*"]


def public(method: str = "GET", ok: int = IN, **words: int) -> Rule:
    """Open to anybody; logged-in people may get something else."""
    return Rule(method, {"anonymous": ok, "*": words.get("staff", ok)})


def staff(method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, **data: Any) -> Rule:
    """Open to everybody who is logged in."""
    return Rule(method, {"anonymous": anonymous, "*": ok}, data)


def clinical(method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, **data: Any) -> Rule:
    """For those who care for patients, of whatever unit."""
    return Rule(method, {"anonymous": anonymous, "here": ok, "away": ok, "*": FORBIDDEN}, data)


def record(
    method: str = "GET",
    ok: int = IN,
    *,
    roles: tuple[Role, ...] = (),
    others: int = FORBIDDEN,
    emergency: int | None = None,
    state: State = State.READY,
    **data: Any,
) -> Rule:
    """For the staff of the unit, or some ``roles`` of it; for everybody else it does not exist.

    An emergency opens what everybody of the unit may read; ``emergency`` says what it gives of anything else.
    """
    here = {f"{role} here": ok for role in roles} | {"here": others} if roles else {"here": ok}
    if emergency is None:
        emergency = ok if method == "GET" and not roles else FORBIDDEN
    return Rule(method, {"anonymous": LOGIN, **here, "emergency": emergency, "*": HIDDEN}, data, state)


def api_record(method: str = "GET", ok: int = IN, **options: Any) -> Rule:
    """The same through the API."""
    rule = record(method, ok, **options)
    return Rule(method, {**rule.answers, "anonymous": UNKNOWN}, rule.data, rule.state)


def only(role: Role, method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, **data: Any) -> Rule:
    """For one of the managing roles."""
    return Rule(method, {"anonymous": anonymous, str(role): ok, "*": FORBIDDEN}, data)


def analysts(
    method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, midwife: int | None = None
) -> Rule:
    """For the steward and those who work with an algorithm in its unit; ``midwife``: who signs nothing."""
    works = {
        "midwife here": ok if midwife is None else midwife,
        "physician here": ok,
        "radiologist away": ok,
        "technician away": ok if midwife is None else midwife,
        "physician away": ok,
    }
    return Rule(method, {"anonymous": anonymous, **works, "steward": ok, "*": FORBIDDEN})


def reported(method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN) -> Rule:
    """For the steward and those who work with haemorrhage figures in the unit of the report."""
    works = {"midwife here": ok, "physician here": ok, "steward": ok}
    return Rule(method, {"anonymous": anonymous, **works, "*": HIDDEN})


def senders(method: str = "GET", ok: int = IN) -> Rule:
    """For the steward and those who send admissions in the maternity unit."""
    works = {"midwife here": ok, "physician here": ok, "steward": ok}
    return Rule(method, {"anonymous": LOGIN, **works, "*": FORBIDDEN})


def own(method: str = "GET", ok: int = IN, *, anonymous: int | str = LOGIN, **data: Any) -> Rule:
    """For whoever sent it: a midwife of the maternity unit."""
    return Rule(method, {"anonymous": anonymous, "midwife here": ok, "*": HIDDEN}, data)


def training_sets(others: int, *, anonymous: int | str = LOGIN) -> Rule:
    """For stewards and administrators; nobody of this test leads a unit."""
    return Rule("GET", {"anonymous": anonymous, "admin": IN, "steward": IN, "*": others})


def sleep_seed(method: str = "GET", ok: int = IN) -> Rule:
    """For the sleep laboratory, which is one of the units of those who work away, and for the steward."""
    return Rule(method, {"anonymous": UNKNOWN, "away": ok, "steward": ok, "*": FORBIDDEN})


def closed() -> Rule:
    """An address of a library that nobody needs here."""
    return Rule("GET", {"*": HIDDEN})


CUSTODIANS = ("physician here", "radiologist here")
OFFICES = (*CUSTODIANS, "physician away", "radiologist away")


def custody(method: str = "GET", ok: int = IN, **data: Any) -> Rule:
    """For physicians of the patient's unit; leads are tested with erasures."""
    answers = {"anonymous": LOGIN, **dict.fromkeys(CUSTODIANS, ok), "here": FORBIDDEN, "emergency": FORBIDDEN}
    return Rule(method, {**answers, "*": HIDDEN}, data)


def follows(method: str = "GET", ok: int = IN, *, admin: int | None = None, **data: Any) -> Rule:
    """For physicians of the patient's unit and administrators."""
    admin = ok if admin is None else admin
    answers = {"anonymous": LOGIN, "admin": admin, **dict.fromkeys(CUSTODIANS, ok)}
    return Rule(method, {**answers, "*": HIDDEN}, data)

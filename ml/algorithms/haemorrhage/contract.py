"""The admission form of the haemorrhage assessment: contract and checks. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ml.algorithms.haemorrhage import parsing, rules
from ml.algorithms.haemorrhage.fields import FIELDS, SECTIONS
from ml.contracts import Contract, Field, InputKind, Limits, Problem, Severity, Text

CONTRACT = Contract(
    name="haemorrhage",
    title=Text("Severe postpartum haemorrhage", "Hémorragie du post-partum sévère"),
    purpose=Text(
        "Risk, at admission, of losing 1000 mL of blood or more within 24 hours of birth.",
        "Risque, à l’admission, de perdre 1000 mL de sang ou plus dans les 24 heures suivant l’accouchement.",
    ),
    input_kind=InputKind.FORM,
    queue="tabular",
    limits=Limits(seconds=10, memory_bytes=1 << 30),
    unit="maternity",
    submit_roles=("midwife", "physician"),
    sign_roles=("physician",),
    sections=SECTIONS,
    fields=FIELDS,
)

# Without an earlier birth there is nothing to ask: the answer follows from parity 0.
IMPLIED_BY_NULLIPARITY = {"previous_caesareans": 0, "previous_pph": "none"}


def check(values: Mapping[str, Any], *, at: datetime | None = None) -> tuple[dict[str, Any], list[Problem]]:
    """Read and check a filled-in form.

    Parameters
    ----------
    values
        Raw values by field name, as typed or as JSON; the time of a laboratory result is under
        ``<name>_at``. What this function returned may be given to it again, also through JSON.
    at
        The present moment, aware; the clock's when ``None``. Nothing may lie after it.

    Returns
    -------
    typed : dict
        One entry per field and per result time: float, int, code, ``date``, aware ``datetime``,
        or ``None`` for unknown and for what was refused.
    problems : list of Problem
        Refusals and warnings, in the order of the form.
    """
    if not isinstance(values, Mapping):
        return {}, [rules.NOT_A_FORM]
    raw, problems = _split_gestation(values)
    typed: dict[str, Any] = {}
    for field in FIELDS:
        typed[field.name] = _read(field, raw.get(field.name), problems)
        if field.timed:
            typed[f"{field.name}_at"] = _read_time(field, raw.get(f"{field.name}_at"), problems)
    refused = {problem.field for problem in problems if problem.severity is Severity.REFUSE}
    problems += rules.across(typed, refused, at or parsing.now())
    problems += rules.unexpected(key for key in raw if key not in typed)
    return typed, problems


def known(values: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many of the counted questions are answered, and how many there are.

    Parameters
    ----------
    values
        Raw or typed; with parity 0 there is no previous caesarean or haemorrhage left to ask.
    """
    counted = [field.name for field in FIELDS if field.counted]
    return len(counted) - len(unknown(values)), len(counted)


def unknown(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the counted questions that nobody answered, in the order of the form."""
    settled = IMPLIED_BY_NULLIPARITY if str(values.get("parity")).strip() == "0" else {}
    return [
        field.name
        for field in FIELDS
        if field.counted and parsing.is_blank(values.get(field.name)) and field.name not in settled
    ]


def age(typed: Mapping[str, Any]) -> int | None:
    """Return the age in completed years at admission of checked values."""
    return rules.age(typed.get("birth_date"), typed.get("admission_at"))


def bmi(typed: Mapping[str, Any]) -> float | None:
    """Return the body mass index in kg/m² of checked values."""
    return rules.bmi(typed.get("height_cm"), typed.get("weight_kg"))


def _split_gestation(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Spread a gestation written in one go, "39+4", over its two fields."""
    raw = {str(key): value for key, value in values.items()}
    parts = parsing.split_gestation(raw.get("gestation_weeks"))
    if parts is None:
        return raw, []
    days = raw.get("gestation_days")
    problems = []
    if not parsing.is_blank(days) and str(days).strip() != parts[1]:
        problems.append(rules.DAYS_TWICE)
    return {**raw, "gestation_weeks": parts[0], "gestation_days": parts[1]}, problems


def _read(field: Field, raw: Any, problems: list[Problem]) -> Any:
    try:
        value = parsing.parse(field, raw)
    except parsing.Unreadable as refusal:
        problems.append(refusal.problem)
        return None
    found = rules.within(field, value)
    problems += found
    return None if any(problem.severity is Severity.REFUSE for problem in found) else value


def _read_time(field: Field, raw: Any, problems: list[Problem]) -> datetime | None:
    if parsing.is_blank(raw):
        return None
    try:
        return parsing.parse_datetime(field, raw, name=f"{field.name}_at")
    except parsing.Unreadable as refusal:
        problems.append(refusal.problem)
        return None

"""From what people type to typed values, in French or English notation. Standard library only.

Every ``parse_*`` function raises :class:`Unreadable` with a sentence that names the field.
"""

from __future__ import annotations

import math
import numbers
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from ml.contracts import Field, FieldKind, Problem, Text

LONGEST = 100
BLANK = "\u00a0\u202f\u2009 \t\r\n"
# ASCII digits only: float() would also read Arabic-Indic ones, which nobody here could proofread.
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,9}|[0-9]{1,3}(?:[\u00a0\u202f\u2009 ][0-9]{3})+)(?:[.,][0-9]{1,9})?")
GESTATION = re.compile(
    r"([0-9]{1,2})\s*(?:SA|wk|w|weeks?|sem\.?)?\s*\+\s*([0-9])\s*(?:d|j|days?|jours?)?", re.I
)
FRENCH_DATE = re.compile(r"([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})(?:(?:\s+|\s*à\s*|T)(.+))?")
ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ](.+))?")
CLOCK = re.compile(r"[0-9]{1,2}\s*[:h]\s*[0-9]{2}")
UNKNOWN_WORDS = frozenset({"", "unknown", "inconnu", "inconnue"})
TERNARY_WORDS = {"yes": "yes", "oui": "yes", "no": "no", "non": "no"}
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)


class Unreadable(ValueError):
    """A value that cannot be understood; carries the problem to show."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def fail(field: Field, code: str, en: str, fr: str, *, name: str = "", **values: Any) -> Unreadable:
    """Return the exception for ``field``; ``{label}`` in the sentences is the field's own label."""
    message = Text(
        en.format(label=field.label.en, **values),
        fr.format(label=field.label.fr, **values),
    )
    return Unreadable(Problem(code=code, message=message, field=name or field.name))


def is_blank(raw: Any) -> bool:
    """Whether a raw value says nothing: missing, empty, or the answer "unknown"."""
    return raw is None or (isinstance(raw, str) and raw.strip(BLANK).casefold() in UNKNOWN_WORDS)


def written(value: float, decimals: int = 6) -> Text:
    """Write a number in both notations, without trailing zeros."""
    plain = f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    return Text(plain, plain.replace(".", ","))


def parse(field: Field, raw: Any) -> Any:
    """Read one raw value of one field.

    Returns
    -------
    float, int, str, date, aware datetime or None
        ``None`` for unknown.

    Raises
    ------
    Unreadable
        With the reason; hard limits are checked by the caller.
    """
    if is_blank(raw):
        return None
    readers = {
        FieldKind.NUMBER: parse_number,
        FieldKind.INTEGER: parse_integer,
        FieldKind.CHOICE: parse_choice,
        FieldKind.TERNARY: parse_choice,
        FieldKind.DATE: parse_date,
        FieldKind.DATETIME: parse_datetime,
    }
    return readers[field.kind](field, raw)


def parse_number(field: Field, raw: Any) -> float:
    """Read a finite number: ``10.8``, ``"10,8"``, ``"3 450"``, ``"10,8 g/dL"`` in a field that is in g/dL.

    Any other unit is refused, and so are letters and booleans.
    """
    if isinstance(raw, bool) or not isinstance(raw, numbers.Real | Decimal | str):
        raise _not_a_number(field)
    if isinstance(raw, str):
        text = _without_unit(field, _short(field, raw))
        if not NUMBER.fullmatch(text):
            raise _not_a_number(field)
        raw = re.sub(r"[\u00a0\u202f\u2009 ]", "", text).replace(",", ".")
    try:
        value = float(raw)
    except (OverflowError, ValueError):
        value = math.inf
    if not math.isfinite(value):
        raise fail(
            field,
            "not_finite",
            "{label}: this is not a measurable number. Write the value again, in figures.",
            "{label} : ce n’est pas une valeur mesurable. Saisissez-la de nouveau, en chiffres.",
        )
    return value


def parse_integer(field: Field, raw: Any) -> int:
    """Read a whole number; ``2.0`` counts as 2, ``2.5`` is refused."""
    value = parse_number(field, raw)
    if value != int(value):
        raise fail(
            field,
            "not_whole",
            "{label}: write a whole number.",
            "{label} : saisissez un nombre entier.",
        )
    return int(value)


def split_gestation(raw: Any) -> tuple[str, str] | None:
    """Return the weeks and days of ``"39+4"`` (also ``"39 SA + 4 j"``), ``None`` for anything else."""
    if not isinstance(raw, str) or len(raw) > LONGEST:
        return None
    found = GESTATION.fullmatch(raw.strip(BLANK))
    return (found[1], found[2]) if found and found[0].isascii() else None


def parse_choice(field: Field, raw: Any) -> str | None:
    """Read the code of a choice; yes / no / unknown also in French."""
    codes = [choice.code for choice in field.choices]
    word = _short(field, raw).casefold() if isinstance(raw, str) else ""
    if field.kind is FieldKind.TERNARY:
        word = TERNARY_WORDS.get(word, word)
    if word not in codes:
        raise fail(
            field,
            "not_a_choice",
            "{label}: choose one of {answers_en}.",
            "{label} : choisissez parmi {answers_fr}.",
            answers_en=", ".join(f"“{c.label.en}” ({c.code})" for c in field.choices),
            answers_fr=", ".join(f"« {c.label.fr} » ({c.code})" for c in field.choices),
        )
    return word


def parse_date(field: Field, raw: Any) -> date:
    """Read ``dd/mm/yyyy`` or ``yyyy-mm-dd``; a date object passes."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    day, rest = _day_and_rest(field, raw, field.name)
    if rest:
        raise _not_a_date(field, field.name)
    return day


def parse_datetime(field: Field, raw: Any, *, name: str = "") -> datetime:
    """Read ``dd/mm/yyyy hh:mm`` (``hhHmm``) or ISO 8601; without a zone it is local time.

    Parameters
    ----------
    name
        Name of the value when it is not the field's own (``haemoglobin_at``).

    Returns
    -------
    datetime
        Always with a time zone.
    """
    name = name or field.name
    if isinstance(raw, datetime):
        moment = raw
    else:
        day, rest = _day_and_rest(field, raw, name)
        moment = _at(field, day, rest, name)
    if not EARLIEST <= moment.date() <= LATEST:
        raise _not_a_datetime(field, name)
    return moment if moment.tzinfo else moment.astimezone()


def now() -> datetime:
    """Return the present moment, with a time zone."""
    return datetime.now(UTC)


def _short(field: Field, raw: str) -> str:
    if len(raw) > LONGEST:
        raise fail(
            field,
            "too_long",
            "{label}: {length} characters are too many for this field. Write the value alone.",
            "{label} : {length} caractères, c’est trop pour ce champ. Saisissez seulement la valeur.",
            length=len(raw),
        )
    return raw.strip(BLANK)


def _without_unit(field: Field, text: str) -> str:
    """Drop the field's own unit, which comes along when a value is copied from a laboratory sheet."""
    unit = field.unit.casefold()
    if unit and text.casefold().endswith(unit):
        return text[: -len(unit)].rstrip(BLANK)
    return text


def _day_and_rest(field: Field, raw: Any, name: str) -> tuple[date, str]:
    if not isinstance(raw, str):
        raise _not_a_date(field, name)
    text = _short(field, raw)
    if found := FRENCH_DATE.fullmatch(text):
        day, month, year, rest = found.groups()
    elif found := ISO_DATE.fullmatch(text):
        year, month, day, rest = found.groups()
    else:
        raise _not_a_date(field, name)
    try:
        return date(int(year), int(month), int(day)), (rest or "").strip()
    except ValueError as error:
        raise _not_a_date(field, name) from error


def _at(field: Field, day: date, clock: str, name: str) -> datetime:
    if CLOCK.fullmatch(clock):
        hour, minute = re.split(r"\s*[:h]\s*", clock)
        clock = f"{hour:0>2}:{minute}"
    try:
        if not clock or not clock.isascii():
            raise ValueError("no time of day")
        return datetime.combine(day, time.fromisoformat(clock))
    except ValueError as error:
        raise _not_a_datetime(field, name) from error


def _not_a_number(field: Field) -> Unreadable:
    return fail(
        field,
        "not_a_number",
        "{label}: this is not a number{in_unit_en}. Write it in figures, for example {example_en}{unit}.",
        "{label} : ce n’est pas un nombre{in_unit_fr}. "
        "Écrivez-le en chiffres, par exemple {example_fr}{unit}.",
        **_example(field),
    )


def _example(field: Field) -> dict[str, str]:
    example = written(EXAMPLES.get(field.name, field.minimum or 0))
    return {
        "example_en": example.en,
        "example_fr": example.fr,
        "unit": f" {field.unit}" if field.unit else "",
        "in_unit_en": f" in {field.unit}" if field.unit else "",
        "in_unit_fr": f" en {field.unit}" if field.unit else "",
    }


EXAMPLES = {
    "haemoglobin": 11.5,
    "platelets": 230,
    "fibrinogen": 4.2,
    "aptt_ratio": 1.0,
    "gestation_weeks": 39,
    "height_cm": 165,
    "weight_kg": 62.5,
    "estimated_fetal_weight_g": 3400,
}


def _not_a_date(field: Field, name: str) -> Unreadable:
    return fail(
        field,
        "not_a_date",
        "{label}: this is not a date. Write day/month/year, for example 21/11/2026.",
        "{label} : ce n’est pas une date. Saisissez jour/mois/année, par exemple 21/11/2026.",
        name=name,
    )


def _not_a_datetime(field: Field, name: str) -> Unreadable:
    return fail(
        field,
        "not_a_datetime",
        "{label}: the date and the time are needed, for example 21/11/2026 07:40.",
        "{label} : il faut la date et l’heure, par exemple 21/11/2026 07:40.",
        name=name,
    )

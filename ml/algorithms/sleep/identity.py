"""Who an EDF header says the recording is of, and whether it says the recording is simulated."""

from __future__ import annotations

import re
from datetime import date, datetime

from ml.algorithms.sleep.edf_header import Header
from ml.contracts import Identity

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_EDF_PLUS_DATE = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})\Z")
_PLAIN_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})\Z")
_SEXES = {"M": "M", "F": "F", "MALE": "M", "FEMALE": "F", "H": "M", "HOMME": "M", "FEMME": "F"}
_NOBODY = {
    "X", "XX", "XXX", "ANONYMOUS", "ANONYME", "ANONYMISED", "ANONYMIZED", "ANON", "UNKNOWN", "INCONNU",
    "PATIENT", "SUBJECT", "SUJET", "NAME", "NOM", "TEST", "NONE", "NA", "MR", "MRS", "MME",
}  # fmt: skip


def of(header: Header) -> Identity:
    """Read the patient field.

    EDF+ orders it ``code sex birth-date name``, ``X`` for unknown, ``_`` for a space. Older EDF has
    free text: dates, a sex, a number and words are taken for what they look like.
    """
    parts = header.patient.split()
    if header.plus and len(parts) >= 4:
        code, sex, born, name = parts[:4]
        return Identity(
            family_name=_known(name.replace("_", " ")),
            record_number=_known(code.replace("_", " ")),
            birth_date=_date(born),
            sex=_SEXES.get(sex.upper(), ""),
        )
    return _free_text(parts)


def simulated(header: Header) -> bool:
    """Whether the recording field calls the recording simulated."""
    return "simulated" in header.recording.casefold()


def start(header: Header) -> datetime | None:
    """Return when the recording began; ``None`` when the header gives no usable date.

    The two-digit year of the EDF header counts from 1985 to 2084.
    """
    try:
        day, month, year = (int(part) for part in re.split(r"[.:/-]", header.start_date))
        hour, minute, second = (int(part) for part in re.split(r"[.:]", header.start_time))
        return datetime(year + (1900 if year >= 85 else 2000), month, day, hour, minute, second)
    except ValueError:
        return None


def _free_text(parts: list[str]) -> Identity:
    words, number, born, sex = [], "", None, ""
    for part in (p.strip(",;:") for p in parts):
        as_date = _date(part)
        if as_date and born is None:
            born = as_date
        elif part.upper() in _SEXES and not sex:
            sex = _SEXES[part.upper()]
        elif re.search(r"\d", part):
            number = number or part
        elif _known(part):
            words.append(part.replace("_", " "))
    return Identity(family_name=" ".join(words), record_number=number, birth_date=born, sex=sex)


def _known(text: str) -> str:
    return "" if text.strip().upper() in _NOBODY else text.strip()


def _date(text: str) -> date | None:
    named, plain = _EDF_PLUS_DATE.match(text), _PLAIN_DATE.match(text)
    try:
        if named and named[2].upper() in _MONTHS:
            return date(int(named[3]), _MONTHS.index(named[2].upper()) + 1, int(named[1]))
        if plain:
            return date(int(plain[3]), int(plain[2]), int(plain[1]))
    except ValueError:
        return None
    return None

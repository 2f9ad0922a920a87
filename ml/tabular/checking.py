"""Checking the fields of a tabular input against its contract. Standard library only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from ml.contracts import Choice, Contract, Field, FieldKind, Problem, Severity, Text

LONGEST_NAME = 60
LONGEST_VALUE = 200
# ASCII digits only; a decimal comma counts as a point.
NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:[.,][0-9]{1,9})?")

NOT_A_MAPPING = Problem(
    code="not_a_row",
    message=Text(
        'The input is not a set of named fields: send one object such as {"age": 35}.',
        'L’entrée n’est pas un ensemble de champs nommés : envoyez un objet tel que {"age": 35}.',
    ),
)
EMPTY = Problem(
    code="no_known_field",
    message=Text(
        "No field of this algorithm is filled in: give at least one.",
        "Aucun champ de cet algorithme n’est renseigné : donnez-en au moins un.",
    ),
)


NOT_A_NUMBER = (
    "{label}: this is not a number. Write it in figures.",
    "{label} : ce n’est pas un nombre. Écrivez-le en chiffres.",
)
NOT_WHOLE = ("{label}: write a whole number.", "{label} : saisissez un nombre entier.")


def choices(*rows: tuple[str, str, str]) -> tuple[Choice, ...]:
    """Make choices from (code, English label, French label)."""
    return tuple(Choice(code, Text(en, fr)) for code, en, fr in rows)


def check_row(
    contract: Contract,
    values: Mapping[str, Any],
    *,
    synonyms: Mapping[str, str],
    wordings: Mapping[str, Mapping[str, str]],
    forbidden: Mapping[str, Problem],
) -> tuple[dict[str, Any], list[Problem]]:
    """Read one row of raw values.

    Parameters
    ----------
    values
        Raw values by field name, column name of the public data, or synonym.
    synonyms
        Folded column name → field name.
    wordings
        Field name → folded wording of the public data → choice code.
    forbidden
        Folded column name → why it is refused.

    Returns
    -------
    typed : dict
        One entry per field of the contract: float, int, choice code, or ``None`` when not given.
    problems : list of Problem
        Refusals; warnings for unusual values and for fields nobody reads.
    """
    if not isinstance(values, Mapping):
        return {}, [NOT_A_MAPPING]
    named, problems = _by_field(contract, values, synonyms, forbidden)
    typed = {
        field.name: _read(field, named.get(field.name), wordings.get(field.name, {}), problems)
        for field in contract.fields
    }
    refused = any(p.severity is Severity.REFUSE for p in problems)
    if not refused and all(value is None for value in typed.values()):
        problems.append(EMPTY)
    return typed, problems


def fold(word: str) -> str:
    """Fold case and runs of blanks, for comparing wordings."""
    return " ".join(str(word).split()).casefold()


def _by_field(
    contract: Contract,
    values: Mapping[str, Any],
    synonyms: Mapping[str, str],
    forbidden: Mapping[str, Problem],
) -> tuple[dict[str, Any], list[Problem]]:
    names = {field.name: field.name for field in contract.fields} | dict(synonyms)
    named: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in values.items():
        word = fold(str(key)[:LONGEST_NAME])
        if word in forbidden:
            problems.append(forbidden[word])
        elif (name := names.get(word)) is None:
            problems.append(_ignored(word))
        elif named.get(name) is not None and value is not None:
            problems.append(_given_twice(contract.field(name)))
        else:
            named[name] = value
    return named, problems


def _read(field: Field, raw: Any, wordings: Mapping[str, str], problems: list[Problem]) -> Any:
    """Return the typed value, or ``None`` when it is not given or refused."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    if field.kind is FieldKind.CHOICE:
        return _read_choice(field, raw, wordings, problems)
    value = _number(raw)
    if value is None:
        problems.append(_about(field, "not_a_number", Severity.REFUSE, *NOT_A_NUMBER))
        return None
    if field.kind is FieldKind.INTEGER and value != int(value):
        problems.append(_about(field, "not_whole", Severity.REFUSE, *NOT_WHOLE))
        return None
    if problem := _limits(field, value):
        problems.append(problem)
        if problem.severity is Severity.REFUSE:
            return None
    return int(value) if field.kind is FieldKind.INTEGER else value


def _read_choice(field: Field, raw: Any, wordings: Mapping[str, str], problems: list[Problem]) -> str | None:
    word = fold(str(raw)[:LONGEST_VALUE]) if isinstance(raw, str | int) else ""
    code = wordings.get(word, word)
    if code in {choice.code for choice in field.choices}:
        return code
    allowed = Text(
        ", ".join(f"{c.code} ({c.label.en})" for c in field.choices),
        ", ".join(f"{c.code} ({c.label.fr})" for c in field.choices),
    )
    problems.append(
        _about(
            field,
            "not_a_choice",
            Severity.REFUSE,
            f"{{label}}: choose one of {allowed.en}.",
            f"{{label}} : choisissez parmi {allowed.fr}.",
        )
    )
    return None


def _number(raw: Any) -> float | None:
    """Read a finite number; ``None`` for anything else, booleans included."""
    if isinstance(raw, str):
        text = raw.strip()
        return float(text.replace(",", ".")) if NUMBER.fullmatch(text) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    try:
        value = float(raw)
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def _limits(field: Field, value: float) -> Problem | None:
    low, high = field.minimum, field.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = [_written(bound) for bound in (low, high) if bound is not None]
        return _about(
            field,
            "out_of_range",
            Severity.REFUSE,
            "{label}: expected a value from " + " to ".join(b.en for b in bounds) + ". Correct it.",
            "{label} : valeur attendue de " + " à ".join(b.fr for b in bounds) + ". Corrigez-la.",
        )
    below, above = field.warn_below, field.warn_above
    if (below is not None and value < below) or (above is not None and value > above):
        return _about(
            field,
            "unusual",
            Severity.WARN,
            "{label}: unusual value, rare in the data the model learnt from. Check it.",
            "{label} : valeur inhabituelle, rare dans les données d’apprentissage. Vérifiez-la.",
        )
    return None


def _written(value: float) -> Text:
    plain = f"{value:.6f}".rstrip("0").rstrip(".")
    return Text(plain, plain.replace(".", ","))


def _ignored(word: str) -> Problem:
    return Problem(
        code="ignored_field",
        message=Text(
            f"“{word}” is no field of this algorithm and was not used: check its spelling.",
            f"« {word} » n’est pas un champ de cet algorithme et n’a pas été utilisé : vérifiez le nom.",
        ),
        field=word,
        severity=Severity.WARN,
    )


def _given_twice(field: Field) -> Problem:
    return _about(
        field,
        "given_twice",
        Severity.REFUSE,
        "{label} was given twice under different names: send it once.",
        "{label} a été donné deux fois sous des noms différents : envoyez-le une seule fois.",
    )


def _about(field: Field, code: str, severity: Severity, en: str, fr: str) -> Problem:
    message = Text(en.replace("{label}", field.label.en), fr.replace("{label}", field.label.fr))
    return Problem(code=code, message=message, field=field.name, severity=severity)

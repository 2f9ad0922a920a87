"""The answers of a form after they were given: written in words, and held against earlier ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import formats, timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ml.contracts import Contract, Field, FieldKind


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that is no longer what it was, both in words of the page's language.

    Parameters
    ----------
    name
        Name of the value: the field's, or ``<field>_at`` for the time of its result.
    """

    name: str
    label: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.label} {self.before} → {self.after}"


def stored(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked answers as a study keeps them: JSON."""
    return json.loads(json.dumps(dict(typed), cls=DjangoJSONEncoder))


def differences(
    contract: Contract, before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Difference]:
    """Return what differs between two sets of stored answers, by name, in the order of the form."""
    found = {}
    for field in contract.fields:
        for name in names(field):
            old, new = before.get(name), after.get(name)
            if not _same(old, new):
                found[name] = Difference(
                    name, label(field, name), told(field, name, old), told(field, name, new)
                )
    return found


def names(field: Field) -> tuple[str, ...]:
    """Return the names under which the values of a field are kept."""
    return (field.name, f"{field.name}_at") if field.timed else (field.name,)


def label(field: Field, name: str) -> str:
    """Return what a value is called."""
    of_field = field.label.to(get_language() or "en")
    return of_field if name == field.name else _("%(field)s, result of") % {"field": of_field}


def told(field: Field, name: str, value: Any) -> str:
    """Write a stored answer in words: number with unit, choice, time, unknown."""
    if value is None or value == "":
        return _("unknown")
    if (moment := _moment(value)) is not None and (name != field.name or field.kind is FieldKind.DATETIME):
        return as_typed(timezone.localtime(moment))
    if field.kind is FieldKind.DATE:
        return as_typed(date.fromisoformat(value))
    if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        unit = {"SA": _("weeks")}.get(field.unit, field.unit)
        return f"{as_typed(value)} {unit}".strip()
    labels = {choice.code: choice.label.to(get_language() or "en") for choice in field.choices}
    return labels.get(value, str(value))


def retyped(contract: Contract, values: Mapping[str, Any]) -> dict[str, str]:
    """Return stored answers as somebody would type them, without those that nobody gave."""
    found = {}
    for field in contract.fields:
        for name in names(field):
            value = values.get(name)
            if value is not None:
                moment = _moment(value) if name != field.name or field.kind is FieldKind.DATETIME else None
                found[name] = as_typed(timezone.localtime(moment) if moment else value)
    return found


def as_typed(value: Any) -> str:
    """Write a date, a moment or a number as the language of the page does; a contract reads them again."""
    french = (get_language() or "").startswith("fr")
    day = "%d/%m/%Y" if french else "%Y-%m-%d"
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime(f"{day} %H:%M")
    if hasattr(value, "strftime"):
        return value.strftime(day)
    if isinstance(value, float):
        plain = f"{value:.6f}".rstrip("0").rstrip(".")
        return plain.replace(".", formats.get_format("DECIMAL_SEPARATOR"))
    return str(value)


def _same(old: Any, new: Any) -> bool:
    if old == new:
        return True
    first, second = _moment(old), _moment(new)
    # A page shows minutes: the seconds a program may have sent are no change.
    return first is not None and second is not None and _minute(first) == _minute(second)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _moment(value: Any) -> datetime | None:
    """Read a stored moment; ``None`` for anything else, dates without a time included."""
    if not isinstance(value, str) or len(value) < len("2026-11-21T07:40"):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None

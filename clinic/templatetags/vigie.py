"""Filters and tags that write what every page shows: states, dates, waiting times, numbers, texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django import template
from django.utils import formats, timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from ml import numbers
from ml.contracts import Contract, Text

register = template.Library()

SHAPES = {
    "queued": "○",
    "running": "◔",
    "ready": "◆",
    "signed": "✓",
    "failed": "▲",
    "refused": "⊘",
    "uploaded": "◆",
    "checked": "◆",
    "accepted": "✓",
    "rejected": "⊘",
    "done": "✓",
    "ok": "✓",
    "proposed": "◆",
    "asked": "◆",
    "approved": "✓",
    "declined": "⊘",
}
# Where French writes a space that must not break: a wide one before : and », a thin one before ; ? and !
WIDE, THIN = re.compile(r" ([:»])"), re.compile(r" ([;?!])")
MINUTE, HOUR, DAY = 60, 3600, 86_400


@register.filter
def text(value: Text | Mapping[str, str] | str | None) -> str:
    """Write a text of ``ml`` (or its stored form) in the language of the page."""
    if not value:
        return ""
    if isinstance(value, str):
        return value
    both = value if isinstance(value, Text) else Text.from_json(value)
    said = both.to(get_language() or "en")
    return no_break(said) if _french() else said


def no_break(sentence: str) -> str:
    """Keep the punctuation of a French sentence with its word: a line does not begin with a colon."""
    return THIN.sub("\u202f\\1", WIDE.sub("\u00a0\\1", sentence)).replace("« ", "«\u00a0")


@register.filter
def shape(state: str) -> str:
    """Return the shape that goes with the word of a state."""
    return SHAPES.get(state, "·")


@register.inclusion_tag("shell/state.html")
def state(code: str, label: str) -> dict[str, str]:
    """Write a state as shape and word."""
    return {"code": code, "label": label, "shape": shape(code)}


@register.filter
def day(value: date | str | None) -> str:
    """Write a date as the language does: 02/03/1994, or 1994-03-02 in English, read the same everywhere.

    Parameters
    ----------
    value
        Also as a manifest holds it, in ISO 8601.
    """
    if not value:
        return ""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
        value = value if value.tzinfo else value.date()
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return f"{value:%d/%m/%Y}" if _french() else f"{value:%Y-%m-%d}"


@register.filter
def moment(value: datetime | None) -> str:
    """Write a date with its time of day."""
    if value is None:
        return ""
    return f"{day(value)} {timezone.localtime(value):%H:%M}"


@register.filter
def months(first: date, after: date) -> str:
    """Write a period of whole months, given its first day and the day after its last: 11/2026."""
    form = "%m/%Y" if _french() else "%Y-%m"
    begins, ends = f"{first:{form}}", f"{after - timedelta(days=1):{form}}"
    return begins if begins == ends else f"{begins} – {ends}"


@register.filter
def since(value: datetime | None) -> str:
    """Write how long ago something was, in one unit: 40 s, 12 min, 3 h, 2 d."""
    if value is None:
        return ""
    seconds = max(0, int((timezone.now() - value).total_seconds()))
    if seconds < MINUTE:
        return _("%(n)d s") % {"n": seconds}
    if seconds < HOUR:
        return _("%(n)d min") % {"n": seconds // MINUTE}
    if seconds < DAY:
        return _("%(n)d h") % {"n": seconds // HOUR}
    return ngettext("%(n)d d", "%(n)d d", seconds // DAY) % {"n": seconds // DAY}


@register.filter
def figure(value: float | None, digits: int = 2) -> str:
    """Write a number, rounded to ``digits`` decimals, with the separators of the language.

    Django's own formatting cuts decimals off instead of rounding: 5.8 would be shown as 5; and it writes a
    hyphen for the minus sign.
    """
    if value is None:
        return "–"
    return formats.number_format(round(value, digits), decimal_pos=digits).replace("-", "−")


@register.filter
def signed(value: float, digits: int = 2) -> str:
    """Write a number with its sign; what rounds to nothing has none."""
    value = round(value, digits)
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{figure(abs(value), digits)}"


@register.filter
def trimmed(value: float) -> str:
    """Write a number with one decimal only where it says something: 2, 1.5."""
    return figure(value, 0 if value == int(value) else 1)


@register.filter
def chance(probability: float) -> str:
    """Write a probability as its number in a hundred; never 0 or 100, which no model may claim."""
    whole = round(100 * probability)
    return "< 1" if whole < 1 else "> 99" if whole > 99 else percent(probability)


@register.filter
def percent(share: float, digits: int = 0) -> str:
    """Write a share as its number in a hundred, without the sign."""
    return figure(100 * share, digits)


@register.filter
def with_percent(share: float) -> str:
    """Write a share with its sign and only the decimals it has, two at most: 3.5%, or 3,5 % in French."""
    value = round(100 * share, 2)
    digits = next(d for d in range(3) if d == 2 or value == round(value, d))
    return with_unit(figure(value, digits), "%")


@register.filter
def with_unit(written: str, symbol: str) -> str:
    """Write a number already written with its unit: 61%, in French 61 %; 12 µV in both."""
    if symbol.startswith("%"):
        return f"{written}\u202f{symbol}" if _french() else f"{written}{symbol}"
    return f"{written} {symbol}" if symbol else written


@register.filter
def seconds(milliseconds: float) -> str:
    """Write milliseconds as seconds."""
    return figure(milliseconds / 1000, 1)


@register.filter
def colon(label: str) -> str:
    """Write a label with the colon of its language, which in French stands apart."""
    return f"{label}\u00a0:" if _french() else f"{label}:"


@register.filter
def statistic(value: float | None, kind: str) -> str:
    """Write a statistic of a night: hours and minutes, minutes, percent, per hour or a count; else a dash."""
    if value is None:
        return "–"
    if kind == "time" and value >= MINUTE:
        return f"{round(value) // 60} h {round(value) % 60:02d}"
    if kind in ("time", "minutes"):
        return f"{figure(value, 1)} min"
    if kind == "percent":
        return with_unit(figure(value, 1), "%")
    if kind == "per_hour":
        return f"{figure(value, 1)} /h"
    return figure(value, 0)


@register.filter
def localnumber(value: str) -> str:
    """Write a number stored with a point with the separators of the language; else leave it."""
    return numbers.grouped(value, formats.get_format("DECIMAL_SEPARATOR"))


@register.simple_tag
def field_label(contract: Contract, name: str) -> str:
    """Return the label of a form field in the language of the page."""
    return text(contract.field(name).label)


@register.filter
def size(value: int) -> str:
    """Write a file size in MB, or kB below one."""
    if value < 1_000_000:
        return _("%(n)s kB") % {"n": figure(value / 1000, 0)}
    return _("%(n)s MB") % {"n": figure(value / 1_000_000, 1 if value < 10_000_000 else 0)}


@register.filter
def mebibytes(value: int) -> str:
    """Write an upload limit in binary megabytes or gigabytes, as it is enforced."""
    if value % 2**30 == 0:
        return _("%(n)d GiB") % {"n": value // 2**30}
    return _("%(n)d MiB") % {"n": value // 2**20}


@register.filter
def unit(symbol: str) -> str:
    """Write a unit; only the weeks of amenorrhoea differ by language."""
    return _("weeks") if symbol == "SA" else symbol


@register.simple_tag
def sex_sign(code: str) -> str:
    """Return the sign of an administrative sex; the word is written beside it for screen readers."""
    return {"F": "♀", "M": "♂"}.get(code, "")


def _french() -> bool:
    return (get_language() or "").startswith("fr")

"""Numbers as the two languages write them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ml.contracts import Text

NARROW_SPACE = "\u202f"
TO = Text("to", "à")


def number(value: float, decimals: int, language: str) -> str:
    """Write a number with the separator and the minus sign of the language."""
    said = f"{value:.{decimals}f}"
    if float(said) == 0:
        said = said.removeprefix("-")
    said = said.replace("-", "−")
    return said.replace(".", ",") if language.lower().startswith("fr") else said


def short(value: float, language: str) -> str:
    """Write a number with three significant digits and no idle zeros."""
    decimals = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    said = f"{value:.{decimals}f}"
    return number(value, len(said.rstrip("0").partition(".")[2]), language)


def count(value: float, language: str) -> str:
    """Write a number of cases, its thousands apart."""
    said = f"{round(value):,}"
    return said.replace(",", NARROW_SPACE) if language.lower().startswith("fr") else said


def figure(found: Mapping[str, float | None], language: str, *, factor: float = 1, decimals: int = 2) -> str:
    """Write a figure with its interval."""
    value, low, high = (found[key] for key in ("value", "low", "high"))
    said = number(factor * value, decimals, language)
    if low is None or high is None:
        return said
    ends = (number(factor * end, decimals, language) for end in (low, high))
    return f"{said} ({f' {TO.to(language)} '.join(ends)})"


def coordinate(value: float | str) -> str:
    """Write an attribute with at most one decimal, so that the bytes do not depend on the last bit."""
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")

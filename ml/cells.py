"""Cells of a CSV file that no spreadsheet will run. Standard library only."""

from __future__ import annotations

import re

# What spreadsheets take for the beginning of a formula, the wide signs of East Asian keyboards among them.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?")


def inert(text: str) -> str:
    """Return a text behind an apostrophe where a spreadsheet would run it."""
    return f"'{text}" if _FORMULA.match(text) else text


def inert_unless_number(cell: str) -> str:
    """Return a cell of a table as it was sent, behind an apostrophe where it is a formula and no number."""
    return cell if _NUMBER.fullmatch(cell) else inert(cell)

"""Rows of a CSV file line by line, so that a lost quotation mark costs its row and never those after it.

Standard library only.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

QUOTE = '"'
LINE_BREAK = re.compile(r"\r\n|\r|\n")
# Of a row with line breaks in its cells: beyond that a quotation mark was lost.
MOST_LINES, LONGEST_RECORD = 50, 1 << 17


class Row(NamedTuple):
    """A row that is not blank.

    Parameters
    ----------
    number
        Its number below the header, from 1, as a spreadsheet counts: blank rows have one too, and a row whose
        cells hold line breaks has one.
    cells
        As many as the header has, or not; ``None`` for a row that is no CSV.
    """

    number: int
    cells: list[str] | None


class Lines:
    """The lines of a file, some of which may be looked at before they are taken."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._seen: deque[str] = deque()

    def take(self) -> str | None:
        """Return the next line; ``None`` at the end."""
        return self._seen.popleft() if self._seen else next(self._source, None)

    def ahead(self) -> Iterator[str]:
        """Yield the lines to come, as many as a row may have, and take none."""
        size = 0
        for place in range(MOST_LINES):
            if place == len(self._seen):
                if (line := next(self._source, None)) is None:
                    return
                self._seen.append(line)
            size += len(self._seen[place])
            if size > LONGEST_RECORD:
                return
            yield self._seen[place]


def rows(lines: Lines, delimiter: str, width: int) -> Iterator[Row]:
    """Yield the rows below a header of ``width`` names, without the blank ones.

    A line that opens a quotation and does not close it goes on in the lines after it when they close it where
    a cell ends. Otherwise its mark was lost: it is refused, and so is the line that seems to close it, which
    may be the rest of a cell and would be answered as a row.
    """
    number = doubtful = 0
    while (line := lines.take()) is not None:
        number += 1
        doubtful = max(0, doubtful - 1)
        if not line.strip():
            continue
        opens = is_open(line, delimiter)
        if doubtful and (opens or line.count(QUOTE) % 2):
            found, doubtful = None, MOST_LINES if opens else 0
        elif opens:
            found = joined(line, lines, delimiter, width)
            doubtful = MOST_LINES if found is None else 0
        else:
            found = cells(line, delimiter)
        if found is None or any(cell.strip() for cell in found):
            yield Row(number, found and _cut(found, width))


def cells(line: str, delimiter: str) -> list[str] | None:
    """Return the cells of one line, ``None`` when it is no CSV."""
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return None


def is_open(line: str, delimiter: str) -> bool:
    """Return whether a quotation that a line opens is still open at its end."""
    if QUOTE not in line:
        return False
    reader = csv.reader([line.rstrip("\r\n") + "\n", ""], delimiter=delimiter)
    try:
        next(reader)
    except csv.Error:
        return False
    return reader.line_num > 1


def joined(line: str, lines: Lines, delimiter: str, width: int = 0) -> list[str] | None:
    """Return the cells of a row that goes on over several lines, and take them; ``None`` when it does not.

    Parameters
    ----------
    width
        Cells of a row. Where the lines of a cell look like rows that lost a mark each, nobody can tell and
        nothing is joined. 0 for a header, which is not looked at so.
    """
    reader = csv.reader(chain([line], lines.ahead()), delimiter=delimiter, strict=True)
    try:
        found = next(reader)
    except csv.Error:
        return None
    if width and any(_holds_rows(cell, place, delimiter, width) for place, cell in enumerate(found)):
        return None
    for _line in range(reader.line_num - 1):
        lines.take()
    return found


def _holds_rows(cell: str, place: int, delimiter: str, width: int) -> bool:
    """Whether the lines of a cell look like the end of a row, whole rows, and the beginning of another."""
    held = [each.count(delimiter) for each in LINE_BREAK.split(cell)]
    if len(held) == 1:
        return False
    first, *middle, last = held
    return 0 < width - 1 - place <= first or any(width - 1 <= each for each in middle) or 0 < place <= last


def _cut(found: list[str], width: int) -> list[str]:
    """Return the cells of a row without blank ones behind the last column."""
    return found if any(cell.strip() for cell in found[width:]) else found[:width]

"""Setting a report with typst: tagged, accessible (PDF/UA-1), from a template and a folder of its own.

Everything that varies goes to the template as JSON and pictures: typst shows a string as it is and never
reads it as markup, and it can open no file outside that folder. Only the fonts inside typst are used, so that
a document looks alike wherever it is written; a character that none of them has is printed by its number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

from predictions.outputs.typed import TURNING, upright

TEMPLATES = Path(__file__).parent
SHARED = ("page.typ", "house.typ")
STANDARD = "ua-1"
LONGEST_WORD = 30
_UNPRINTABLE = re.compile(r'the text `"(?P<said>.+?)"` could not be displayed', re.DOTALL)
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD}}}(?=\S)")


def typeset(template: str, data: Mapping[str, Any], folder: Path, at: datetime) -> bytes:
    """Set a report.

    Parameters
    ----------
    template
        Name of a file beside this module; it may import ``page.typ`` or ``house.typ``.
    data
        What it shows, JSON-ready.
    folder
        Where its pictures already are.
    at
        When the document was written: the same data set again gives the same bytes.

    Raises
    ------
    typst.TypstError
        When the template and its data do not fit together.
    """
    for name in (*SHARED, template):
        (folder / name).write_bytes((TEMPLATES / name).read_bytes())
    shown = _by_number(data, TURNING)
    try:
        return _compiled(template, shown, folder, at)
    except typst.TypstError as error:
        missing = unprintable(error.diagnostic)
        if not missing:
            raise
    return _compiled(template, _by_number(shown, re.compile(f"[{re.escape(missing)}]")), folder, at)


def unprintable(diagnostic: str) -> str:
    """Return the characters that typst has no glyph for, as it named them all at once."""
    said = "".join(found["said"] for found in _UNPRINTABLE.finditer(diagnostic))
    plain = _ESCAPED.sub(lambda escape: chr(int(escape[1], 16)), said)
    return "".join(sorted(set(plain)))


def softened(text: str) -> str:
    """Return a text whose longest words may be broken, as lines of a report have to be."""
    return _LONG_WORD.sub(lambda word: f"{word[0]}\u200b", text)


def _compiled(template: str, data: Any, folder: Path, at: datetime) -> bytes:
    (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
    return typst.compile(
        folder / template,
        root=folder,
        format="pdf",
        pdf_standards=STANDARD,
        ignore_system_fonts=True,
        timestamp=int(at.timestamp()),
    )


def _by_number(value: Any, characters: re.Pattern[str]) -> Any:
    """Return the same data with these characters written as their numbers in every text."""
    if isinstance(value, str):
        return upright(value, characters)
    if isinstance(value, Mapping):
        return {key: _by_number(child, characters) for key, child in value.items()}
    return [_by_number(child, characters) for child in value] if isinstance(value, list | tuple) else value

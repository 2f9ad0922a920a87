"""Compile the translations in pure Python, because GNU gettext is not on every machine."""

from __future__ import annotations

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_catalogues(root: Path) -> list[Path]:
    """Compile every ``.po`` below ``root`` whose ``.mo`` is missing or older.

    Each file is written beside and moved into place, so that a process that starts meanwhile reads
    the old one or the new one, never half of one.

    Returns
    -------
    list of Path
        The catalogues compiled now.

    Raises
    ------
    babel.messages.pofile.PoFileError
        A catalogue cannot be read; the message names the line.
    """
    compiled = []
    for source in sorted(root.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as stream:
            catalogue = read_po(stream, locale=source.parent.parent.name, abort_invalid=True)
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        with draft.open("wb") as stream:
            write_mo(stream, catalogue)
        draft.replace(target)
        compiled.append(source)
    return compiled

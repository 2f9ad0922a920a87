"""The keys of a demo installation: made once, kept beside its data, never shipped."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def kept_key(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(50)) -> str:
    """Return the key stored at ``path``, writing one that ``make`` gives first when there is none.

    Several processes start at once: the key is written beside and linked into place, so that
    all of them read the same complete one.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        When there can be no such folder.
    """
    if not path.exists():
        _make_folder(path.parent)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make(), "ascii")
        try:
            os.link(draft, path)
        except FileExistsError:
            draft.unlink()
            return path.read_text("ascii")
        draft.unlink()
    return path.read_text("ascii")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{folder} cannot be written to; VIGIE_DATA_DIR names another folder ({error})"
        ) from error


def known_key(path: Path) -> str:
    """Return the key a demo left at ``path``, empty when none did or it is not ours to read."""
    try:
        return path.read_text("ascii")
    except OSError:
        return ""

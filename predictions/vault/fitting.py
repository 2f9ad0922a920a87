"""Whether the keys that are here are those of the files that are there: looked at before anything is kept.

A key of the right form says nothing of whose it is. Every file names its key in its header, so a few hundred
headers tell, without any record that could be lost or be wrong itself.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings

from predictions.vault import container, keys
from predictions.vault.damage import Damaged
from predictions.vault.keys import Ring

LOOKED_AT = 256
NOT_OURS = ("incoming", "scratch")
"""Folders of files that are still arriving or being read: their keys are in memory."""
_fits: set[tuple[str, tuple[bytes, ...]]] = set()


class Unfitting(Exception):
    """Stored files need a key that is not here; the message names it and says what to do."""


def stored() -> Iterator[str]:
    """Return the names of all files in their final places."""
    root = Path(settings.PRIVATE_ROOT)
    for folder, folders, files in os.walk(root):
        if Path(folder) == root:
            folders[:] = sorted(set(folders) - set(NOT_OURS) - {"packages"})
        for file in files:
            yield str((Path(folder) / file).relative_to(root))


def require(ring: Ring | None = None) -> None:
    """Raise :class:`Unfitting` when files are there that these keys do not open.

    Asked of every file that is kept, looked up once for each set of keys that fits.

    Parameters
    ----------
    ring
        The keys; those of the settings by default, which are read only where there is a file.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        When there are files and no key can be read.
    """
    needed = None
    if ring is None:
        needed = _needed()
        if not needed:
            return
        if not keys.there():
            raise Unfitting(f"there are stored files and no key at {settings.STORAGE_KEY_FILE}: put it there")
        ring = keys.ring()
    known = (str(settings.PRIVATE_ROOT), tuple(key.id for key in ring.keys))
    if known in _fits:
        return
    if strange := _strange(_needed() if needed is None else needed, ring):
        raise Unfitting(
            f"stored files are encrypted under the key {', '.join(key.hex() for key in strange)}, which is "
            f"not here (here is {', '.join(key.id.hex() for key in ring.keys)}); nothing is kept under a "
            "wrong key: put the key of those files back into VIGIE_STORAGE_KEY_FILE, one key a line. "
            "manage.py verify_storage names them"
        )
    _fits.add(known)


def _needed() -> list[set[bytes]]:
    """Return the ids of the keys of some files; of what is no encrypted file there are none."""
    found = []
    for name in islice(stored(), LOOKED_AT):
        try:
            with (Path(settings.PRIVATE_ROOT) / name).open("rb") as stream:
                found.append(container.key_ids(stream.fileno()))
        except (OSError, Damaged):
            continue  # discarded meanwhile, or a damage that whoever reads it is told of
    return found


def _strange(needed: list[set[bytes]], ring: Ring) -> list[bytes]:
    """Return the ids of missing keys: of every file, or of two. A single header may be damaged instead."""
    closed = [ids for ids in needed if not any(ring.find(key_id) for key_id in ids)]
    count = Counter(key_id for ids in closed for key_id in ids)
    return sorted(key_id for key_id, files in count.items() if files > 1 or len(closed) == len(needed))

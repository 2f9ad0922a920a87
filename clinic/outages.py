"""A database that is away and a disk that is full: recognised, and the first of them waited for."""

from __future__ import annotations

import errno
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# No space left, no quota left, no larger file allowed.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# As SQLite and PostgreSQL say it.
FULL_WORDS = ("disk is full", "disk I/O error", "No space left")
AWAY = (OperationalError, InterfaceError)
# What the smallest of writes takes, with the pages of a database around it.
ROOM_BYTES = 1 << 20
# How long a result is held in hand for a database that restarts; a worker's hard limit comes after it.
SECONDS = 20.0
PAUSE_SECONDS = 1.0


def has_room(folder: Path) -> bool:
    """Say whether a folder takes another file; nothing of it stays, whatever happens to this process.

    Written rather than asked of the system: quotas and limits count too, and not every one can be asked.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as draft:
            draft.write(bytes(ROOM_BYTES))
    except OSError:
        return False
    return True


def is_full(error: BaseException | None) -> bool:
    """Say whether a write failed because there is no room left for it."""
    if isinstance(error, OSError):
        return error.errno in FULL
    return isinstance(error, OperationalError) and any(words in str(error) for words in FULL_WORDS)


def despite_outage(act: Callable[[], Answer], *, seconds: float = SECONDS) -> Answer:
    """Do something with the database, again and on a new connection while it does not answer.

    Parameters
    ----------
    act
        A transaction of its own, harmless when its commit went through unseen and it is done twice.
    seconds
        How long to go on; the last error is raised then.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except AWAY as error:
            if time.monotonic() >= deadline:
                raise
            log.warning("database does not answer", extra={"error": type(error).__name__})
            connection.close()
            time.sleep(PAUSE_SECONDS)

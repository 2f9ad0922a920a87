"""Who is working on a row, until when: taken by a conditional UPDATE, renewed while the work goes on.

A leased row has ``state``, ``lease``, ``lease_until``, ``attempts`` and ``started_at``: a study, a training.
``lease_until`` is for people to read, and it changes with every renewal: that it stopped changing is how the
reaper knows that nobody is there. It is never compared with a clock, which may have been set meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error, connection
from django.db.models import F, Model, QuerySet
from django.utils import timezone

from predictions.models import Study
from predictions.states import State, check

log = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 3


def claim(study_id: UUID) -> Study | None:
    """Take a waiting study, or return ``None``: somebody else has it, or it is done."""
    check(State.QUEUED, State.RUNNING)
    waiting = Study.objects.filter(pk=study_id, state=State.QUEUED)
    mine = take(waiting, running=State.RUNNING)
    return Study.objects.select_related("patient").get(pk=study_id, lease=mine) if mine else None


def take(waiting: QuerySet[Any], *, running: str) -> UUID | None:
    """Move the one row of ``waiting`` to ``running`` under a new lease; ``None`` when it is gone already."""
    now = timezone.now()
    mine = uuid.uuid4()
    taken = waiting.update(
        state=running,
        lease=mine,
        lease_until=now + timedelta(seconds=settings.STUDY_LEASE_SECONDS),
        attempts=F("attempts") + 1,
        started_at=now,
    )
    return mine if taken else None


def release(row: Model, **values: Any) -> bool:
    """Write ``values`` over a row and end its lease, unless somebody else holds it by now."""
    held = type(row).objects.filter(pk=row.pk, lease=row.lease)
    return bool(held.update(lease=None, lease_until=None, **values))


def recall(row: Model, **values: Any) -> bool:
    """Like :func:`release`, but only while the lease is as it was seen in ``row``: renewed, it lives."""
    dead = type(row).objects.filter(pk=row.pk, lease=row.lease, lease_until=row.lease_until)
    return bool(dead.update(lease=None, lease_until=None, **values))


@contextmanager
def renewed(row: Model, *, seconds: float) -> Iterator[None]:
    """Renew the lease from a thread of its own while the block runs.

    The thread stops by itself once the work should long be over, so that a child hanging in foreign code
    loses its row even if nobody kills it.

    Parameters
    ----------
    seconds
        The longest the work may take.
    """
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(row, seconds, stop), name="lease", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        stop.set()
        renewer.join()


def _renew(row: Model, seconds: float, stop: threading.Event) -> None:
    pause = settings.STUDY_LEASE_SECONDS / RENEWALS_PER_LEASE
    deadline = time.monotonic() + seconds + settings.STUDY_LEASE_SECONDS
    try:
        while not stop.wait(pause) and time.monotonic() < deadline:
            _extend(row)
    finally:
        connection.close()


def _extend(row: Model) -> None:
    until = timezone.now() + timedelta(seconds=settings.STUDY_LEASE_SECONDS)
    try:
        type(row).objects.filter(pk=row.pk, lease=row.lease).update(lease_until=until)
    except Error as error:
        # The next turn may succeed, on another connection; if none does, the lease runs out, which is
        # what it is for.
        connection.close()
        log.warning(
            "lease not renewed",
            extra={str(row._meta.model_name): str(row.pk), "error": type(error).__name__},
        )

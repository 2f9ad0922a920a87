"""Who is analysing a study, until when: claimed by a conditional UPDATE, renewed while the work goes on."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F
from django.utils import timezone

from predictions.models import Study
from predictions.states import State, check

log = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 3


def claim(study_id: UUID) -> Study | None:
    """Take a waiting study, or return ``None``: somebody else has it, or it is done."""
    check(State.QUEUED, State.RUNNING)
    now = timezone.now()
    mine = uuid.uuid4()
    taken = Study.objects.filter(pk=study_id, state=State.QUEUED).update(
        state=State.RUNNING,
        lease=mine,
        lease_until=now + timedelta(seconds=settings.STUDY_LEASE_SECONDS),
        attempts=F("attempts") + 1,
        started_at=now,
    )
    return Study.objects.select_related("patient").get(pk=study_id, lease=mine) if taken else None


@contextmanager
def renewed(study: Study) -> Iterator[None]:
    """Renew the lease from a thread of its own while the block runs.

    The thread stops by itself once the analysis should long be over, so that a child hanging in foreign code
    loses its study even if nobody kills it.
    """
    stop = threading.Event()
    renewer = threading.Thread(target=_renew, args=(study, stop), name="lease", daemon=True)
    renewer.start()
    try:
        yield
    finally:
        stop.set()
        renewer.join()


def _renew(study: Study, stop: threading.Event) -> None:
    pause = settings.STUDY_LEASE_SECONDS / RENEWALS_PER_LEASE
    deadline = time.monotonic() + study.contract.limits.seconds + settings.STUDY_LEASE_SECONDS
    try:
        while not stop.wait(pause) and time.monotonic() < deadline:
            _extend(study)
    finally:
        connection.close()


def _extend(study: Study) -> None:
    until = timezone.now() + timedelta(seconds=settings.STUDY_LEASE_SECONDS)
    try:
        Study.objects.filter(pk=study.pk, state=State.RUNNING, lease=study.lease).update(lease_until=until)
    except DatabaseError as error:
        # The next turn may succeed; if none does, the lease runs out, which is what it is for.
        log.warning("lease not renewed", extra={"study": str(study.pk), "error": type(error).__name__})

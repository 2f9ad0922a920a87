"""Work of background jobs for tests: each does one thing that a job of the product may do, also the worst."""

from __future__ import annotations

import os
import signal
import time
import uuid
from typing import Any

from django.db import OperationalError

from ml.contracts import Problem, Refused, Text
from predictions.deployments.models import ShadowAnswer
from predictions.jobs import Ending

written: list[str] = []


def done(row: ShadowAnswer) -> Ending:
    """End well, with something else to write."""
    return Ending({"result": {"risk": 0.04}}, write=lambda: written.append(str(row.pk)))


def stolen(row: ShadowAnswer) -> Ending:
    """End well after somebody else took the job."""
    ShadowAnswer.objects.filter(pk=row.pk).update(lease=uuid.uuid4())
    return done(row)


def refused(row: ShadowAnswer) -> Ending:
    """Refuse it."""
    raise Refused(Problem("probe_refused", Text("Refused.", "Refusé.")))


def defective(row: ShadowAnswer) -> Ending:
    """Fail with words that nobody may read."""
    raise RuntimeError("LANTERN Claire 204817")


def slow(row: ShadowAnswer) -> Ending:
    """Take longer than the probe may."""
    time.sleep(60)
    return Ending()


def greedy(row: ShadowAnswer) -> Ending:
    """Take more memory than the probe may."""
    return Ending({"result": [bytearray(2**30)]})


def unwritable(row: ShadowAnswer) -> Ending:
    """End well, and have what else is to be written fail."""

    def fail() -> Any:
        raise ValueError("LANTERN Claire 204817")

    return Ending({"result": {"risk": 0.04}}, write=fail)


def without_database(row: ShadowAnswer) -> Ending:
    """Find the database away."""
    raise OperationalError("server closed the connection unexpectedly")


def deadly(row: ShadowAnswer) -> Ending:
    """Take the worker along."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Ending()

"""Sending an invented input on its way, and throwing away what is a week old."""

from __future__ import annotations

import secrets
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text
from predictions import jobs
from predictions.models import JOB_PENDING, JobState
from predictions.testbench.models import ALGORITHMS, LARGEST_SEED, BenchRun, Sample

KEPT = timedelta(days=7)
MOST_PENDING = 10
# Of folders in which the input of a run is being made; a worker that was killed leaves one behind.
FOLDER = "testbench-"

UNKNOWN = Problem(
    "unknown_sample",
    Text(
        "There is no such test input. Choose one of the list.",
        "Cette entrée de test n’existe pas. Choisissez-en une dans la liste.",
    ),
    field="sample",
)
NO_SEED = Problem(
    "no_seed",
    Text(
        "The seed must be a whole number from 0 to {most}. Leave it out for any.",
        "La graine doit être un nombre entier de 0 à {most}. Laissez-la vide pour une graine quelconque.",
    ).format(most=LARGEST_SEED),
    field="seed",
)
TOO_MANY = Problem(
    "too_many_tests",
    Text(
        "{most} tests wait or run already. Wait until some have ended, then send the next.",
        "{most} tests attendent ou sont en cours. Attendez la fin de l’un d’eux avant d’envoyer le suivant.",
    ).format(most=MOST_PENDING),
)


def send(*, user: User, sample: str, seed: int | str | None = None) -> BenchRun:
    """Have a worker make an input and send it through the analysis that studies take.

    Parameters
    ----------
    sample
        One of :class:`predictions.testbench.models.Sample`.
    seed
        Drawn when not given (``None`` or empty).

    Raises
    ------
    ml.contracts.Refused
        For an input or a seed that does not exist, or when enough tests are on their way.
    """
    if sample not in Sample.values:
        raise Refused(UNKNOWN)
    row = BenchRun(
        sample=sample,
        algorithm=ALGORITHMS[Sample(sample)],
        seed=_seed(seed),
        requested_by=user,
        queued_at=timezone.now(),
    )
    with transaction.atomic():
        if BenchRun.objects.filter(state__in=JOB_PENDING).count() >= MOST_PENDING:
            raise Refused(TOO_MANY)
        row.save(force_insert=True)
        detail = {"algorithm": row.algorithm, "sample": sample, "seed": row.seed}
        record(Action.REQUEST, actor=user, kind="testbench", object_id=str(row.pk), detail=detail)
        jobs.start(row)
    return row


def sweep() -> None:
    """Throw away what was sent a week ago, and folders of workers that were killed."""
    old = BenchRun.objects.filter(queued_at__lt=timezone.now() - KEPT)
    old.exclude(state=JobState.RUNNING).delete()
    # Folders first: one that is made meanwhile is of a run that is asked for after it.
    folders = list(scratch().glob(f"{FOLDER}*"))
    pending = BenchRun.objects.filter(state__in=JOB_PENDING).values_list("pk", flat=True)
    running = {run.hex for run in pending}
    for folder in folders:
        if folder.name.removeprefix(FOLDER).partition("-")[0] not in running:
            shutil.rmtree(folder, ignore_errors=True)


def clear(run: UUID) -> None:
    """Throw away what an attempt at a run left behind whose worker was killed."""
    for folder in scratch().glob(f"{FOLDER}{run.hex}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def scratch() -> Path:
    """Return the folder in which inputs are made."""
    folder = Path(settings.SCRATCH_ROOT or Path(settings.PRIVATE_ROOT) / "scratch")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _seed(given: int | str | None) -> int:
    if given in (None, ""):
        return secrets.randbelow(LARGEST_SEED + 1)
    written = str(given)
    if not (written.isascii() and written.isdecimal()) or int(written) > LARGEST_SEED:
        raise Refused(NO_SEED)
    return int(written)

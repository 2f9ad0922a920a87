"""Drawn chest X-rays of the demo's child: two views of today, an earlier one, and one sent on its side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from clinic.accounts.models import User
from ml.algorithms.chest_xray.simulate import LATERAL, film, write_film
from patients.models import Patient
from predictions import first_read, intake, lease, reading, review, run
from predictions.models import Confidence, Impression, Reason, Study, Verdict
from predictions.states import State

EARLIER = timedelta(days=150)
RECENTLY = timedelta(minutes=40)
KEY = "demo-film-{film}"


def send(folder: Path, child: Patient, radiologist: User) -> None:
    """Write the films that are missing into ``folder``, and send the studies that were not sent yet."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = timezone.localtime()
    for key, write in (
        ("earlier", lambda: _earlier(folder, child, now - EARLIER)),
        ("turned", lambda: _turned(folder)),
        ("today", lambda: _today(folder, child, now - RECENTLY)),
    ):
        _study(KEY.format(film=key), child, radiologist, write)


def read_earlier(radiologist: User) -> None:
    """Have the earlier film read blind, written and signed, so that a signed report is there to look at.

    It is analysed here, unless a worker did so before or is at it: then the next building reads it.
    """
    study = Study.objects.get(submitted_by=radiologist, idempotency_key=KEY.format(film="earlier"))
    if claimed := lease.claim(study.pk):
        run.run(claimed)
        study.refresh_from_db()
    if study.state != State.READY or study.signatures.exists():
        return
    said = {"impression": Impression.NORMAL, "confidence": Confidence.SURE}
    agrees = first_read.agrees(first_read.commit(user=radiologist, study=study, **said))
    written = {field.name: reading.phrase(field, "fr") for field in study.contract.reading}
    reading.save(user=radiologist, study=study, values=written, language="fr")
    opinion = (
        {"verdict": Verdict.AGREE} if agrees else {"verdict": Verdict.DISAGREE, "reason": Reason.CLINICAL}
    )
    review.give(user=radiologist, study=study, **opinion)
    review.sign(user=radiologist, study=study)


def _study(key: str, child: Patient, radiologist: User, write: Callable[[], Sequence[Path]]) -> None:
    if Study.objects.filter(submitted_by=radiologist, idempotency_key=key).exists():
        return
    files = [ContentFile(path.read_bytes(), name=path.name) for path in write()]
    intake.submit(
        user=radiologist,
        patient=child,
        algorithm="chest_xray",
        upload=files,
        idempotency_key=key,
        encounter=child.encounters.first(),
    )


def _earlier(folder: Path, child: Patient, moment: datetime) -> list[Path]:
    path = folder / "earlier.dcm"
    write_film(path, identity=child.identity, taken_at=moment, seed=0)
    return [path]


def _today(folder: Path, child: Patient, moment: datetime) -> list[Path]:
    frontal, lateral = folder / "frontal.dcm", folder / "lateral.dcm"
    study = write_film(frontal, identity=child.identity, taken_at=moment, seed=1, opacity=1.0)
    write_film(lateral, identity=child.identity, taken_at=moment, view=LATERAL, seed=1, study=study)
    return [frontal, lateral]


def _turned(folder: Path) -> list[Path]:
    path = folder / "turned.png"
    Image.fromarray(np.rot90(film(seed=1))).save(path)
    return [path]

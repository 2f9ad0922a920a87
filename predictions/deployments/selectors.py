"""Which version answers a study, which run in its shadow, and what is silent: asked before an analysis."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from clinic.accounts.models import Unit
from predictions.deployments.models import ANSWERING, WHOLE, Allocation, Deployment, Mode, Standing
from predictions.models import Study

FRACTION_BITS = 64


def running(algorithm: str = "") -> QuerySet[Deployment]:
    """Return what runs now, of one algorithm or of all."""
    found = Deployment.objects.filter(standing=Standing.RUNNING).select_related("unit")
    return found.filter(algorithm=algorithm) if algorithm else found


def answering(unit: Unit | int, algorithm: str) -> Deployment | None:
    """Return the silent or canary deployment of a unit that runs now; there is one at most."""
    return running(algorithm).filter(unit=unit, mode__in=ANSWERING).first()


def is_silent(unit: Unit | int, algorithm: str) -> bool:
    """Return whether new answers of an algorithm are kept from the readers of a unit until they signed."""
    return running(algorithm).filter(unit=unit, mode=Mode.SILENT).exists()


def version_for(study: Study) -> str:
    """Return the version that answers ``study``, empty for the one in service; changes nothing.

    What :func:`predictions.deployments.services.allocate` settled stays settled while its deployment runs.
    """
    settled = Allocation.objects.filter(study=study).select_related("deployment").first()
    if settled is not None:
        return "" if settled.fell_back or not settled.deployment.running else settled.deployment.version
    found = None if study.repeats_with else answering(study.unit_id, study.algorithm)
    return found.version if found is not None and takes(found, study.patient_id) else ""


def takes(deployment: Deployment, patient: UUID) -> bool:
    """Return whether a patient is among the share of a deployment: always the same for the two."""
    return drawn(deployment.key, patient) < deployment.share / WHOLE


def drawn(key: str, patient: UUID) -> float:
    """Return a fraction in [0, 1) drawn by HMAC-SHA256 from a key and a patient.

    Nobody without the key can tell who is drawn, and two deployments draw independently of each other.
    """
    mac = hmac.digest(bytes.fromhex(key), patient.bytes, hashlib.sha256)
    return int.from_bytes(mac[: FRACTION_BITS // 8]) / 2**FRACTION_BITS


def shadows_of(study: Study) -> list[Deployment]:
    """Return what runs in the shadow of the version that answers ``study``."""
    return list(running(study.algorithm).filter(unit=study.unit_id, mode=Mode.SHADOW))


def silent(studies: Iterable[Study]) -> set[UUID]:
    """Return which of ``studies`` were answered under a silent evaluation and are not signed yet."""
    found = unseen().filter(study__in=[study.pk for study in studies])
    return set(found.values_list("study_id", flat=True))


def unseen() -> QuerySet[Allocation]:
    """Return the allocations of all such studies: what is counted for readers leaves them out."""
    return Allocation.objects.filter(silent=True, study__signatures=None)

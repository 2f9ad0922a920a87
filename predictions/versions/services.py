"""Mirroring the packages on disk into the product's own registry."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ml import package as packages
from ml import registry
from ml.package import BrokenPackage, Package
from predictions import jobs
from predictions.models.job import JOB_PENDING
from predictions.stewardship import taken_back
from predictions.stewardship.models import ServingDecision
from predictions.versions.access import deciders
from predictions.versions.models import Mirroring, ModelVersion, Origin

log = logging.getLogger(__name__)


def register_all() -> list[ModelVersion]:
    """Register every package on disk that is not known yet, and return the new rows.

    A broken package is left out and said in the log: it answers no study either.
    """
    made = []
    for algorithm in registry.names():
        for version in packages.versions(algorithm):
            try:
                row = register(packages.load(algorithm, version))
            except BrokenPackage:
                log.warning(
                    "package left out of the registry", extra={"algorithm": algorithm, "version": version}
                )
                continue
            if row:
                made.append(row)
    for algorithm in {row.algorithm for row in made}:
        mirror(algorithm)
    return made


def register(package: Package) -> ModelVersion | None:
    """Register one package; ``None`` when it is known."""
    row, new = ModelVersion.objects.get_or_create(
        algorithm=package.algorithm,
        version=package.version,
        package_sha256=package.sha256,
        defaults={
            "origin": Origin.SITE if packages.SITE in package.folder.parents else Origin.SHIPPED,
            "serves": package.serves,
            "metrics": list(package.manifest["metrics"]),
            "made_at": datetime.fromisoformat(package.manifest["created"]),
            "registered_at": timezone.now(),
        },
    )
    return row if new else None


def follow(made: ServingDecision) -> None:
    """Have MLflow told of a decision, where a server of it was named, and signers of the drafts it leaves."""
    mirror(made.algorithm)
    taken_back.tell(made, deciders(made.algorithm))


def mirror(algorithm: str) -> None:
    """Have a worker tell MLflow's registry, where a server of it was named; see :func:`mirror_now`."""
    if tells_mlflow():
        mirror_now(algorithm)


def tells_mlflow() -> bool:
    """Return whether MLflow is told of each decision by itself: where a server of it was named."""
    return bool(settings.MLFLOW_SERVER)


def mirror_now(algorithm: str) -> None:
    """Have a worker tell MLflow's registry; once, however often it is asked meanwhile."""
    if Mirroring.objects.filter(algorithm=algorithm, state__in=JOB_PENDING).exists():
        return
    with transaction.atomic():
        jobs.start(Mirroring.objects.create(algorithm=algorithm, queued_at=timezone.now()))

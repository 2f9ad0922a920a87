"""Running a version in the shadow: one background job per live study, behind every clinician's study."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from predictions import jobs
from predictions.deployments import selectors
from predictions.deployments.models import ShadowAnswer
from predictions.jobs import Kind
from predictions.models import JobState, Study

KIND = Kind("shadow", ShadowAnswer, work="predictions.deployments.work.shadow")


def follow(study: Study, *, version: str, sha256: str, total_ms: float | None) -> None:
    """Have every shadow of a study look at it too; call it in the transaction that writes the ending.

    Whose package gave the answer itself, in service by now or on trial, would only meet itself.

    Parameters
    ----------
    version, sha256
        Of the package that answered or refused.
    total_ms
        What that took.
    """
    for deployment in selectors.shadows_of(study):
        if deployment.package_sha256 == sha256:
            continue
        row, made = ShadowAnswer.objects.get_or_create(
            deployment=deployment,
            study=study,
            defaults={
                "algorithm": study.algorithm,
                "queued_at": timezone.now(),
                "serving_version": version,
                "serving_sha256": sha256,
                "serving_ms": total_ms,
            },
        )
        if made:
            jobs.start(row)


def withdraw_waiting(deployment_id: object) -> int:
    """Take back what no worker has begun for a deployment that ended; return how many that were."""
    with transaction.atomic():
        waiting = ShadowAnswer.objects.filter(deployment=deployment_id, state=JobState.QUEUED)
        return waiting.update(state=JobState.WITHDRAWN, finished_at=timezone.now())

"""What readers signed of the studies that a shadow followed: the yardstick of both versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from predictions import first_read
from predictions import outcomes as births
from predictions.deployments import compared
from predictions.deployments.models import ShadowAnswer
from predictions.models import Signature, Study, Verdict

Right = tuple[bool, bool]
"""Whether the version in service, and the shadow, said what was signed."""


def truths(algorithm: str, rows: Iterable[ShadowAnswer]) -> Mapping[UUID, Any]:
    """Return what became of each study that both versions answered, by study; those without are missing.

    Returns
    -------
    mapping
        Of a birth, whether the loss was severe, for the last assessment before it alone; of an X-ray,
        whether its signer saw pneumonia; of a night, the stages that a person scored and signed.
    """
    answered = [row.study for row in rows if row.compared and "refused" not in row.compared]
    return of_studies(algorithm, answered)


def of_studies(algorithm: str, studies: list[Study]) -> Mapping[UUID, Any]:
    """Return what became of each of ``studies``, as :func:`truths` does."""
    return TRUTHS[algorithm](studies)


def _of_births(studies: list[Study]) -> dict[UUID, bool]:
    losses = births.latest_of(study.encounter_id for study in studies if study.encounter_id)
    last: dict[UUID, Study] = {}
    for study in sorted(studies, key=lambda study: study.submitted_at):
        loss = losses.get(study.encounter_id)
        if loss is not None and births.made_before(study, loss):
            last[study.encounter_id] = study
    return {study.pk: losses[stay].severe for stay, study in last.items()}


def _of_films(studies: list[Study]) -> dict[UUID, bool]:
    found = {}
    for study, signature in _signatures(studies).items():
        if (seen := _seen(signature)) is not None:
            found[study] = seen
    return found


def _seen(signature: Signature) -> bool | None:
    """Return whether a signer saw pneumonia: by their verdict, else by what they committed first."""
    verdict = signature.review.verdict
    if verdict == Verdict.CANNOT_ASSESS:
        return first_read.sees_pneumonia(signature.first_read) if signature.first_read else None
    said = compared.DECISIONS["chest_xray"](signature.prediction.result)
    return said if verdict == Verdict.AGREE else not said


def _of_nights(studies: list[Study]) -> dict[UUID, list[str]]:
    # A draft signed as it stood is no scoring of a person: the version that drew it would only meet itself.
    return {
        study: signature.hypnogram.content["stages"]
        for study, signature in _signatures(studies).items()
        if signature.hypnogram is not None and signature.hypnogram.scoring_id is not None
    }


def _signatures(studies: list[Study]) -> dict[UUID, Signature]:
    """Return the last signature of each study."""
    found = Signature.objects.filter(study__in=studies).order_by("version")
    related = found.select_related("review", "first_read", "prediction", "hypnogram")
    return {signature.study_id: signature for signature in related}


TRUTHS: dict[str, Callable[[list[Study]], Mapping[UUID, Any]]] = {
    "haemorrhage": _of_births,
    "chest_xray": _of_films,
    "sleep": _of_nights,
}

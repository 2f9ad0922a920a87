"""Which version answers a study, settled before its first analysis, and what happens when that one fails."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from clinic.accounts import notices
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml import package as packages
from ml.contracts import Problem, Severity, Text
from ml.package import BrokenPackage
from predictions.deployments import selectors, shadows
from predictions.deployments.models import Allocation, Deployment, Mode
from predictions.models import Study

log = logging.getLogger(__name__)

LOST_WORKER = "worker_lost"
OTHER_PACKAGE = "other_package"
ENDED = "deployment_ended"

MARKS = ("fell_back", "on_trial")
"""Codes of :func:`marks`: they tell which version was asked, and a package says nothing of that itself."""

FELL_BACK = Text(
    "The version on trial, {version}, could not answer; the version in service did instead. Nothing is "
    "missing from this answer.",
    "La version à l’essai, {version}, n’a pas pu répondre ; la version en service l’a fait à sa place. Rien "
    "ne manque à cette réponse.",
)
ON_TRIAL = Text(
    "This answer is of version {version}, which was on trial in this unit when it answered; it is not that "
    "of the version in service then.",
    "Cette réponse est celle de la version {version}, à l’essai dans ce service lorsqu’elle a répondu ; ce "
    "n’est pas celle de la version alors en service.",
)
ALARM = Text(
    "{title}: version {version}, on trial in {unit}, failed ({why}) and the version in service answers in "
    "its place. Look at the deployment and end it.",
    "{title} : la version {version}, à l’essai dans {unit}, a échoué ({why}) et la version en service répond "
    "à sa place. Examinez le déploiement et mettez-y fin.",
)
ALARM_ADDRESS = "/deployments/{id}/"


def allocate(study: Study) -> str:
    """Settle which version answers a study that a worker has just taken; empty for the one in service.

    The last attempt after lost workers goes to the version in service: the one on trial may be what kills
    them, and it must not cost the study.
    """
    settled = Allocation.objects.filter(study=study).select_related("deployment").first()
    if settled is None:
        settled = _drawn(study)
    if settled is None or settled.fell_back or not settled.deployment.running:
        return ""
    if study.deaths >= settings.STUDY_MAX_DEATHS - 1:
        fall_back(study, LOST_WORKER)
        return ""
    return settled.deployment.version


def _drawn(study: Study) -> Allocation | None:
    if study.repeats_with:
        return None  # asked of the version in service, by name
    found = selectors.answering(study.unit_id, study.algorithm)
    if found is None or not selectors.takes(found, study.patient_id):
        return None
    silent = found.mode == Mode.SILENT
    made, _new = Allocation.objects.get_or_create(
        study=study, defaults={"deployment": found, "silent": silent, "at": timezone.now()}
    )
    return made


def objection(study: Study, sha256: str) -> str:
    """Return why an answer of the version on trial does not count, empty when it does.

    Parameters
    ----------
    sha256
        Of the package that gave it.
    """
    settled = Allocation.objects.select_related("deployment").get(study=study)
    if not settled.deployment.running:
        return ENDED
    return "" if settled.deployment.package_sha256 == sha256 else OTHER_PACKAGE


def fall_back(study: Study, why: str) -> None:
    """Give a study to the version in service for good, and tell the stewards once per deployment and reason.

    Parameters
    ----------
    why
        Code of what went wrong with the version on trial.
    """
    with transaction.atomic():
        settled = Allocation.objects.select_related("deployment__unit").get(study=study)
        if settled.fell_back:
            return
        told = Allocation.objects.filter(deployment=settled.deployment, fell_back=why).exists()
        Allocation.objects.filter(pk=settled.pk).update(fell_back=why)
        detail = {"version": settled.deployment.version, "why": why}
        record(
            Action.FAIL,
            actor_label=WORKER,
            patient=study.patient_id,
            study=study.pk,
            kind="deployment",
            object_id=str(settled.deployment_id),
            detail=detail,
        )
        if not told and why != ENDED:
            _alarm(settled.deployment, why)
    log.error("fell back to the version in service", extra={"study": str(study.pk), "why": why})


def marks(study: Study) -> list[Problem]:
    """Return what readers of an answer have to know of how it came about."""
    settled = Allocation.objects.filter(study=study).select_related("deployment").first()
    if settled is None or settled.fell_back == ENDED:
        return []
    version = settled.deployment.version
    if settled.fell_back:
        return [Problem("fell_back", FELL_BACK.format(version=version), severity=Severity.WARN)]
    if version == _in_service(study.algorithm):
        return []  # evaluated in silence, it is in service all the same
    return [Problem("on_trial", ON_TRIAL.format(version=version), severity=Severity.WARN)]


def _in_service(algorithm: str) -> str:
    try:
        return packages.champion_version(algorithm)
    except BrokenPackage:
        # The one on trial has answered: that nothing else could must not lose its answer.
        return ""


def answered(study: Study, *, version: str, sha256: str, total_ms: float | None = None) -> None:
    """Have the shadows follow a study that was answered or refused; in the transaction that says so."""
    shadows.follow(study, version=version, sha256=sha256, total_ms=total_ms)


def _alarm(deployment: Deployment, why: str) -> None:
    unit, title = deployment.unit, deployment.contract.title
    said = Text(
        ALARM.en.format(title=title.en, version=deployment.version, unit=unit.name_en, why=why),
        ALARM.fr.format(title=title.fr, version=deployment.version, unit=unit.name_fr, why=why),
    )
    stewards = User.objects.filter(role=Role.STEWARD, is_active=True)
    notices.notify(stewards, said, link=ALARM_ADDRESS.format(id=deployment.pk))

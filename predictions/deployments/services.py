"""What people decide: run a version in the shadow, propose it for studies, approve, decline, end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import notices
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import package as packages
from ml import registry
from ml.contracts import Problem, Refused, Text
from ml.package import BrokenPackage, Package
from predictions.deployments import selectors, shadows
from predictions.deployments.models import ANSWERING, ENDINGS, OPEN, WHOLE, Deployment, Mode, Standing
from predictions.deployments.problems import (
    ANSWERS_THERE,
    DECIDED,
    GATE_REFUSED,
    NO_MODE,
    NO_PACKAGE,
    NO_SHARE,
    NO_SHARE_ASKED,
    NO_UNIT,
    NOT_JUDGED,
    PACKAGE_CHANGED,
    PROPOSER_LEFT,
    SERVES_ALREADY,
    SERVING_BROKEN,
    TAKEN,
)
from predictions.stewardship.reasons import LONGEST_REASON, written
from predictions.versions import gate
from predictions.versions.access import deciders, may_approve
from predictions.versions.models import Proposal

KIND = "deployment"

TO_DECIDE = {
    Mode.SILENT: Text(
        "{title}: a silent evaluation of version {version} in {unit} waits for your decision.",
        "{title} : une évaluation silencieuse de la version {version} dans {unit} attend votre décision.",
    ),
    Mode.CANARY: Text(
        "{title}: version {version} is proposed for {share} % of the patients of {unit}; decide on it.",
        "{title} : la version {version} est proposée pour {share} % des patients de {unit} ; décidez-en.",
    ),
}
TOLD_END = Text(
    "{title}: the deployment of version {version} in {unit} was ended by {who}.",
    "{title} : {who} a mis fin au déploiement de la version {version} dans {unit}.",
)


def propose(
    *, user: User, algorithm: str, unit: Unit | None, version: str, mode: str, share: int | None, reason: str
) -> Deployment:
    """Propose a deployment; a shadow, which no reader sees, starts at once.

    Parameters
    ----------
    share
        Of the patients in per cent, for a canary alone.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When ``user`` is no model steward; recorded.
    ml.contracts.Refused
        With every reason why not.
    """
    _require(user.role == Role.STEWARD, user, algorithm)
    package = _package(algorithm, version)
    problems = list(_problems(algorithm, unit, package, mode, share))
    try:
        reason = written(reason)
    except Refused as refusal:
        problems += refusal.problems
    if problems or package is None or unit is None:
        raise Refused(*problems)
    made = Deployment(
        judgement=_judgement(package) if mode == Mode.CANARY else None,
        algorithm=algorithm,
        unit=unit,
        version=package.version,
        package_sha256=package.sha256,
        mode=mode,
        share=share if mode == Mode.CANARY and share is not None else WHOLE,
        reason=reason,
        proposed_by=user,
        proposed_at=timezone.now(),
    )
    if made.mode == Mode.SHADOW:
        made.standing, made.started_at = Standing.RUNNING, made.proposed_at
    with _one_at_a_time(), transaction.atomic():
        made.save(force_insert=True)
        _record(Action.DEPLOY if made.running else Action.REQUEST, user, made, made.reason)
        if not made.running:
            _ask(made)
    return made


def approve(*, user: User, deployment: Deployment, reason: str = "", threshold: str = "") -> None:
    """Start a proposed deployment as its second person.

    Parameters
    ----------
    threshold
        Of a canary: its operating point, see :func:`predictions.versions.gate.confirmed`.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When ``user`` does not sign in the unit, or proposed it; recorded.
    ml.contracts.Refused
        When it was decided meanwhile, another one runs, the package is no longer the one proposed,
        or, of a canary, when the gate did not let it pass or its operating point is not written.
    """
    _require(may_approve(user, deployment.algorithm, deployment.proposed_by), user, deployment.algorithm)
    package = _package(deployment.algorithm, deployment.version)
    if package is None or package.sha256 != deployment.package_sha256:
        raise Refused(PACKAGE_CHANGED)
    if not deployment.proposed_by.is_active:
        raise Refused(PROPOSER_LEFT)
    reason = written(reason, needed=False)
    values = _decision(user, reason) | {"started_at": timezone.now()}
    if deployment.mode == Mode.CANARY:
        values["confirmed_threshold"] = _confirmed(deployment, package, threshold)
    with _one_at_a_time(), transaction.atomic():
        _move(deployment, Standing.PROPOSED, Standing.RUNNING, **values)
        _record(Action.APPROVE, user, deployment, reason)
        _record(Action.DEPLOY, user, deployment, deployment.reason)


def decline(*, user: User, deployment: Deployment, reason: str) -> None:
    """Refuse a proposal, with a reason; errors as for :func:`approve`."""
    _require(may_approve(user, deployment.algorithm, deployment.proposed_by), user, deployment.algorithm)
    reason = written(reason)
    with transaction.atomic():
        _move(deployment, Standing.PROPOSED, Standing.DECLINED, **_decision(user, reason))
        _record(Action.DECLINE, user, deployment, reason)


def may_end(user: User, deployment: Deployment) -> bool:
    """Return whether ``user`` may stop it: stewards, and who signs in the unit. One person is enough."""
    return user.role == Role.STEWARD or may_approve(user, deployment.algorithm, deployment.proposed_by)


def end(*, user: User, deployment: Deployment, reason: str = "") -> None:
    """End a deployment at once, or take its proposal back: studies go to the version in service again.

    Ended already, it stays so: a second click finds nothing to do.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When ``user`` is neither a model steward nor one of those who sign in the unit; recorded.
    """
    _require(may_end(user, deployment), user, deployment.algorithm)
    if deployment.standing not in OPEN:
        return
    following = ENDINGS[Standing(deployment.standing)]
    values = {"ended_by": user, "ended_at": timezone.now(), "end_reason": reason.strip()[:LONGEST_REASON]}
    with transaction.atomic():
        _move(deployment, deployment.standing, following, **values)
        shadows.withdraw_waiting(deployment)
        _record(Action.WITHDRAW, user, deployment, reason)
        people = {deployment.proposed_by, deployment.decided_by} - {None, user}
        notices.notify(people, _told(TOLD_END, deployment, who=user.label), link=_address(deployment))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Turn the unique keys between two deployments of a unit into a sentence."""
    try:
        yield
    except IntegrityError as error:
        raise Refused(TAKEN) from error


def _problems(
    algorithm: str, unit: Unit | None, package: Package | None, mode: str, share: int | None
) -> Iterator[Problem]:
    contract = registry.contract(algorithm)
    if unit is None or not contract.clinical or unit.code != contract.unit:
        yield NO_UNIT
    if mode not in Mode.values:
        yield NO_MODE
    if mode == Mode.CANARY and (share is None or not 1 <= share <= WHOLE):
        yield NO_SHARE
    if mode in Mode.values and mode != Mode.CANARY and share is not None:
        yield NO_SHARE_ASKED
    if unit is not None and mode in ANSWERING and _proposed(unit, algorithm):
        yield TAKEN
    if package is None:
        yield NO_PACKAGE
    elif mode != Mode.SILENT and package.version == packages.champion_version(algorithm):
        yield SERVES_ALREADY
    elif mode == Mode.CANARY:
        yield from _gate(package)
    elif mode == Mode.SHADOW and unit is not None and _answers(unit, package):
        yield ANSWERS_THERE


def _proposed(unit: Unit, algorithm: str) -> bool:
    waiting = Deployment.objects.filter(unit=unit, algorithm=algorithm, mode__in=ANSWERING)
    return waiting.filter(standing=Standing.PROPOSED).exists()


def _answers(unit: Unit, package: Package) -> bool:
    found = selectors.answering(unit, package.algorithm)
    return found is not None and found.version == package.version and found.share == WHOLE


def _gate(package: Package) -> Iterator[Problem]:
    """Yield why a package may not run as a canary: the same gate as for service."""
    judged = _judgement(package)
    if judged is None or judged.found is None:
        yield NOT_JUDGED
        return
    for criterion in judged.found.failed:
        said = Text(
            GATE_REFUSED.en.format(why=criterion.sentence.en),
            GATE_REFUSED.fr.format(why=criterion.sentence.fr),
        )
        yield Problem("gate_refused", said, field="version")


def _judgement(package: Package) -> Proposal | None:
    try:
        serving = packages.load(package.algorithm)
    except BrokenPackage as error:
        raise Refused(SERVING_BROKEN) from error
    return gate.judgement(package.algorithm, package.sha256, serving.sha256)


def _confirmed(deployment: Deployment, package: Package, threshold: str) -> float:
    """Return the operating point of a canary as written; refused if another version serves by now."""
    judged = deployment.judgement
    try:
        serving = packages.load(package.algorithm)
    except BrokenPackage as error:
        raise Refused(SERVING_BROKEN) from error
    if judged is None or judged.serving_sha256 != serving.sha256:
        raise Refused(NOT_JUDGED)
    return gate.confirmed(judged, threshold)


def _package(algorithm: str, version: str) -> Package | None:
    try:
        return packages.serving(algorithm, version) if version else None
    except BrokenPackage:
        return None


def _decision(user: User, reason: str) -> dict[str, Any]:
    return {
        "decided_by": user,
        "decided_at": timezone.now(),
        "decision_reason": reason,
    }


def _move(deployment: Deployment, current: str, following: str, **values: Any) -> None:
    found = Deployment.objects.filter(pk=deployment.pk, standing=current)
    if not found.update(standing=following, **values):
        raise Refused(DECIDED)
    deployment.refresh_from_db()


def _ask(made: Deployment) -> None:
    people = deciders(made.algorithm).exclude(pk=made.proposed_by_id)
    said = _told(TO_DECIDE[Mode(made.mode)], made, share=made.share)
    notices.notify(people, said, link=_address(made))


def _told(text: Text, made: Deployment, **values: Any) -> Text:
    title, unit = made.contract.title, made.unit
    return Text(
        text.en.format(title=title.en, version=made.version, unit=unit.name_en, **values),
        text.fr.format(title=title.fr, version=made.version, unit=unit.name_fr, **values),
    )


def _address(made: Deployment) -> str:
    return reverse("deployment", args=[made.pk])


def _require(allowed: bool, user: User, algorithm: str) -> None:
    if not allowed:
        record(Action.REFUSED, actor=user, kind=KIND, detail={"algorithm": algorithm})
        raise PermissionDenied


def _record(action: Action, user: User, made: Deployment, reason: str) -> None:
    record(
        action,
        actor=user,
        kind=KIND,
        object_id=str(made.pk),
        detail={
            "algorithm": made.algorithm,
            "unit": made.unit.code,
            "mode": made.mode,
            "share": made.share,
            "version": made.version,
            "sha256": made.package_sha256,
            "threshold": made.confirmed_threshold,
            "reason": reason.strip(),
        },
    )

"""Deciding which version of a model serves: put an accepted one into service, return to the former one."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import package as packages
from ml.contracts import Problem, Refused, Text
from ml.package import BrokenPackage, Package
from predictions.stewardship.models import Decision, ServingDecision, Training
from predictions.stewardship.states import State

LONGEST_REASON = 2000
ACTIONS = {Decision.SERVE: Action.SERVE, Decision.ROLL_BACK: Action.ROLL_BACK}

NO_REASON = Problem(
    "reason_missing",
    Text(
        "Write why: whoever asks later which version served, and why, reads it here.",
        "Indiquez pourquoi : qui demandera plus tard quelle version servait, et pourquoi, le lira ici.",
    ),
    field="reason",
)
NOT_ACCEPTED = Problem(
    "not_accepted",
    Text(
        "Only a candidate that passed every criterion can be put into service.",
        "Seul un candidat qui a rempli tous les critères peut être mis en service.",
    ),
)
DECIDED_MEANWHILE = Problem(
    "decided_meanwhile",
    Text(
        "Another version was put into service since this page was opened. Look at it again, then decide.",
        "Une autre version a été mise en service depuis l’ouverture de cette page. Revoyez-la, puis décidez.",
    ),
)
NO_FORMER = Problem(
    "no_former_version",
    Text(
        "There is no former version to return to: the version in service replaced none decided here.",
        "Il n’y a pas de version antérieure à rétablir : la version en service n’en a remplacé aucune ici.",
    ),
)
PACKAGE_CHANGED = Problem(
    "package_changed",
    Text(
        "The package is missing or is not the one that was accepted, so nothing was changed. Train again.",
        "Le paquet est absent ou n’est pas celui qui a été accepté : rien n’a été changé. Relancez un "
        "entraînement.",
    ),
)


def serve(*, user: User, training: Training, reason: str, replacing: str) -> ServingDecision | None:
    """Put the package of an accepted training into service.

    Parameters
    ----------
    replacing
        The version that served when the page was drawn: a decision made on sight of another is refused.

    Returns
    -------
    ServingDecision or None
        ``None`` when it serves already: a second click finds nothing to do.

    Raises
    ------
    ml.contracts.Refused
        With the reason; nothing is changed.
    """
    if training.state != State.ACCEPTED or not training.package_version:
        raise Refused(NOT_ACCEPTED)
    return _decide(
        Decision.SERVE,
        user,
        _pinned(training.algorithm, training.package_version, training.package_sha256),
        reason,
        replacing,
        training=training,
    )


def roll_back(*, user: User, algorithm: str, reason: str, replacing: str) -> ServingDecision | None:
    """Return to the version that the serving one replaced; parameters and errors as for :func:`serve`."""
    if packages.champion_version(algorithm) != replacing:
        raise Refused(DECIDED_MEANWHILE)
    put = former(algorithm)
    if put is None:
        raise Refused(NO_FORMER)
    package = _pinned(algorithm, put.replaced_version, put.replaced_sha256)
    return _decide(Decision.ROLL_BACK, user, package, reason, replacing)


def former(algorithm: str) -> ServingDecision | None:
    """Return the decision that put the serving version into service; what it replaced is the former one."""
    try:
        version = packages.champion_version(algorithm)
    except BrokenPackage:
        return None
    put = ServingDecision.objects.filter(algorithm=algorithm, version=version, decision=Decision.SERVE)
    return put.first()


def _pinned(algorithm: str, version: str, sha256: str) -> Package:
    try:
        package = packages.load(algorithm, version)
    except BrokenPackage as error:
        raise Refused(PACKAGE_CHANGED) from error
    if package.sha256 != sha256:
        raise Refused(PACKAGE_CHANGED)
    return package


def _decide(
    decision: Decision,
    user: User,
    package: Package,
    reason: str,
    replacing: str,
    *,
    training: Training | None = None,
) -> ServingDecision | None:
    algorithm = package.algorithm
    serving = packages.load(algorithm)
    if serving.version == package.version:
        return None
    if serving.version != replacing:
        raise Refused(DECIDED_MEANWHILE)
    if not reason.strip():
        raise Refused(NO_REASON)
    last = ServingDecision.objects.filter(algorithm=algorithm).first()
    made = ServingDecision(
        algorithm=algorithm,
        number=last.number + 1 if last else 1,
        decision=decision,
        version=package.version,
        package_sha256=package.sha256,
        replaced_version=serving.version,
        replaced_sha256=serving.sha256,
        training=training,
        reason=reason.strip()[:LONGEST_REASON],
        decided_by=user,
        decided_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            _record(made)
            # Last, so that a file that cannot be written takes the decision back with it.
            packages.name_champion(algorithm, package.version)
    except IntegrityError as error:
        raise Refused(DECIDED_MEANWHILE) from error
    except BrokenPackage as error:
        raise Refused(PACKAGE_CHANGED) from error
    return made


def _record(made: ServingDecision) -> None:
    record(
        ACTIONS[Decision(made.decision)],
        actor=made.decided_by,
        kind="model",
        object_id=made.algorithm,
        detail={
            "version": made.version,
            "sha256": made.package_sha256,
            "replaced": made.replaced_version,
            "reason": made.reason,
        },
    )

"""Which version of a model serves: put an approved one into service, return to the former one."""

from __future__ import annotations

from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import package as packages
from ml.contracts import Problem, Refused, Text
from ml.package import BrokenPackage, Package
from predictions.stewardship.models import Decision, ServingDecision, Training
from predictions.stewardship.reasons import written

_listeners: list[Callable[[ServingDecision], object]] = []
ACTIONS = {Decision.SERVE: Action.SERVE, Decision.ROLL_BACK: Action.ROLL_BACK}

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
        "The package is missing, or is not the one that was judged: nothing was changed. Propose it again.",
        "Le paquet est absent ou n’est pas celui qui a été évalué : rien n’a été changé. Proposez-le de "
        "nouveau.",
    ),
)


def on_change(listener: Callable[[ServingDecision], object]) -> None:
    """Have ``listener(decision)`` called in the transaction of every decision; from ``AppConfig.ready``."""
    _listeners.append(listener)


def serve(
    *,
    user: User,
    algorithm: str,
    version: str,
    sha256: str,
    reason: str,
    replacing: str,
    kept: Callable[[ServingDecision], object],
) -> ServingDecision | None:
    """Put a package into service. Only an approved proposal comes here (:mod:`predictions.versions`).

    Parameters
    ----------
    sha256
        The package that was judged and approved: another one under its version is refused.
    reason
        As :func:`predictions.stewardship.reasons.written` keeps it.
    replacing
        The version that served when the page was drawn: a decision made on sight of another is refused.
    kept
        Called with the decision, before the version is named: what it writes is kept with it or not at all.

    Returns
    -------
    ServingDecision or None
        ``None`` when it serves already: a second click finds nothing to do.

    Raises
    ------
    ml.contracts.Refused
        With the reason; nothing is changed.
    """
    return _decide(Decision.SERVE, user, _pinned(algorithm, version, sha256), reason, replacing, kept)


def roll_back(*, user: User, algorithm: str, reason: str, replacing: str) -> ServingDecision | None:
    """Return to the version that the serving one replaced; parameters and errors as for :func:`serve`."""
    reason = written(reason)
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
    kept: Callable[[ServingDecision], object] = lambda made: None,
) -> ServingDecision | None:
    algorithm = package.algorithm
    serving = packages.champion_version(algorithm)
    if serving == package.version:
        return None
    if serving != replacing:
        raise Refused(DECIDED_MEANWHILE)
    last = ServingDecision.objects.filter(algorithm=algorithm).first()
    made = ServingDecision(
        algorithm=algorithm,
        number=last.number + 1 if last else 1,
        decision=decision,
        version=package.version,
        package_sha256=package.sha256,
        replaced_version=serving,
        replaced_sha256=_hash_of(algorithm, serving),
        training=_training_of(package),
        reason=reason,
        decided_by=user,
        decided_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            _record(made)
            kept(made)
            for listener in _listeners:
                listener(made)
            # Last, so that a file that cannot be written takes the decision back with it.
            packages.name_champion(algorithm, package.version)
    except IntegrityError as error:
        raise Refused(DECIDED_MEANWHILE) from error
    except BrokenPackage as error:
        raise Refused(PACKAGE_CHANGED) from error
    return made


def _hash_of(algorithm: str, version: str) -> str:
    """Return the hash of what is replaced; of a lost or damaged package, that of its decision.

    Whoever leaves a package that answers nobody any more must not need it for that.
    """
    try:
        return packages.load(algorithm, version).sha256
    except BrokenPackage:
        put = ServingDecision.objects.filter(algorithm=algorithm, version=version).first()
        return put.package_sha256 if put else ""


def _training_of(package: Package) -> Training | None:
    """Return the training that made a package here."""
    return Training.objects.filter(
        algorithm=package.algorithm, package_version=package.version, package_sha256=package.sha256
    ).first()


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

"""Reading trainings and decisions, for the pages."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404

from ml import package as packages
from ml.package import BrokenPackage
from predictions.stewardship.models import ServingDecision, Training
from predictions.stewardship.states import PENDING, State

TRAINABLE = ("haemorrhage",)
"""Algorithms that learn from a hospital's own table: those with a door ``mapping``."""


@dataclass(frozen=True, slots=True)
class Service:
    """Which version serves, since when, and what came before.

    Parameters
    ----------
    version
        Empty when none is named.
    sha256
        Empty when its package is missing or damaged: every study fails then.
    decision
        The decision that brought it, ``None`` for the version that came with the product.
    history
        Every decision, the latest first.
    """

    version: str
    sha256: str
    decision: ServingDecision | None
    history: tuple[ServingDecision, ...]


def trainings(algorithm: str) -> QuerySet[Training]:
    """Return the trainings of an algorithm, latest first."""
    return Training.objects.filter(algorithm=algorithm).select_related("uploaded_by")


def get_or_404(algorithm: str, training_id: UUID) -> Training:
    """Return a training; raises ``Http404`` when there is no such."""
    training = trainings(algorithm).filter(pk=training_id).first()
    if training is None:
        raise Http404
    return training


def service(algorithm: str) -> Service:
    """Return which version serves and every decision about it."""
    decisions = ServingDecision.objects.filter(algorithm=algorithm).select_related("decided_by", "training")
    history = tuple(decisions)
    try:
        version = packages.champion_version(algorithm)
    except BrokenPackage:
        return Service("", "", None, history)
    latest = history[0] if history and history[0].version == version else None
    try:
        sha256 = packages.load(algorithm, version).sha256
    except BrokenPackage:
        sha256 = ""
    return Service(version, sha256, latest, history)


def position(training: Training) -> int:
    """Return how many trainings wait in front of this one, itself included; 0 once it runs."""
    if training.state != State.QUEUED:
        return 0
    ahead = Q(uploaded_at__lte=training.uploaded_at) | Q(state=State.RUNNING)
    return Training.objects.filter(ahead, state__in=PENDING).count()


def twin(training: Training) -> Training | None:
    """Return an earlier training on the very same file."""
    same = trainings(training.algorithm).filter(sha256=training.sha256)
    return same.filter(number__lt=training.number).first()

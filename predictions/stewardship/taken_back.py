"""Drafts of a version that people went back from: whoever signs one has to know, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from django.urls import reverse

from clinic.accounts import notices
from clinic.accounts.models import User
from ml import registry
from ml.contracts import Text
from predictions.models import Study
from predictions.states import State
from predictions.stewardship.models import Decision, ServingDecision

TOLD = Text(
    "{title}: version {version} was taken out of service. Drafts of it that wait for a signature: {n}. Have "
    "them analysed or assessed again before they are signed. Why: {reason}",
    "{title} : la version {version} a été retirée du service. Brouillons de cette version en attente de "
    "signature : {n}. Faites-les analyser ou évaluer de nouveau avant de les signer. Motif : {reason}",
)
SHORT = 300


def of(study: Study) -> ServingDecision | None:
    """Return the decision that went back from the version of a study's answer; ``None`` while it holds.

    A version that was put into service again since is no longer taken back.
    """
    prediction = study.prediction
    return _left([study.algorithm]).get(prediction.package_sha256) if prediction else None


def among(studies: Iterable[Study]) -> set[UUID]:
    """Return which of ``studies`` wait for a signature under an answer of a version taken back."""
    waiting = [study for study in studies if study.state == State.READY]
    left = _left({study.algorithm for study in waiting})
    return {study.pk for study in waiting if of_version(study, left)}


def of_version(study: Study, hashes: Collection[str]) -> bool:
    """Return whether the answer of a study is of one of the packages with these hashes."""
    return study.prediction is not None and study.prediction.package_sha256 in hashes


def tell(made: ServingDecision, signers: Iterable[User]) -> None:
    """Tell who signs how many drafts of the version just left wait for them; nobody when there are none."""
    if made.decision != Decision.ROLL_BACK:
        return
    ready = Study.objects.filter(algorithm=made.algorithm, state=State.READY).prefetch_related("predictions")
    count = sum(of_version(study, {made.replaced_sha256}) for study in ready)
    if not count:
        return
    title = registry.contract(made.algorithm).title
    said = {"version": made.replaced_version, "n": count, "reason": made.reason[:SHORT]}
    text = Text(TOLD.en.format(title=title.en, **said), TOLD.fr.format(title=title.fr, **said))
    notices.notify(signers, text, link=reverse("worklist"))


def _left(algorithms: Collection[str]) -> dict[str, ServingDecision]:
    """Return, by hash, the packages of some algorithms that people went back from, with the decision."""
    left: dict[str, ServingDecision] = {}
    for made in ServingDecision.objects.filter(algorithm__in=algorithms).order_by("number"):
        left.pop(made.package_sha256, None)
        if made.decision == Decision.ROLL_BACK and made.replaced_sha256:
            left[made.replaced_sha256] = made
    return left

"""Drafts of a version that people went back from: whoever signs one has to know, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from django.urls import reverse

from clinic.accounts import notices
from clinic.accounts.models import User
from ml import registry
from ml.contracts import Problem, Severity, Text
from predictions.models import Study
from predictions.states import State
from predictions.stewardship.models import Decision, ServingDecision

TOLD = Text(
    "{title}: version {version} was taken out of service. Drafts of it that wait for a signature: {n}. Have "
    "them analysed or assessed again before they are signed. Why: {reason}",
    "{title} : la version {version} a été retirée du service. Brouillons de cette version en attente de "
    "signature : {n}. Faites-les analyser ou évaluer de nouveau avant de les signer. Motif : {reason}",
)
MARK = Text(
    "Version {version}, which gave this answer, was taken out of service since. Why: {reason}",
    "La version {version}, qui a donné cette réponse, a été retirée du service depuis. Motif : {reason}",
)
SHORT = 300


def of(study: Study) -> ServingDecision | None:
    """Return the decision that went back from the version of a study's answer since; ``None`` for none.

    A version put into service again is no longer taken back, and what it answers on trial afterwards, two
    people decided on knowing of it.
    """
    return _decision(study, _left([study.algorithm]))


def mark(study: Study) -> Problem | None:
    """Return the same as a sentence, for programs."""
    made = of(study)
    if made is None:
        return None
    said = MARK.format(version=made.replaced_version, reason=made.reason)
    return Problem("version_taken_back", said, severity=Severity.WARN)


def among(studies: Iterable[Study]) -> set[UUID]:
    """Return which of ``studies`` wait for a signature under such an answer and were not analysed again."""
    waiting = [study for study in studies if study.state == State.READY]
    left = _left({study.algorithm for study in waiting})
    found = {study.pk for study in waiting if _decision(study, left)}
    again = Study.objects.filter(repeats__in=found).values_list("repeats", flat=True) if found else ()
    return found - set(again)


def tell(made: ServingDecision, signers: Iterable[User]) -> None:
    """Tell who signs how many drafts of the version just left wait for them; nobody when there are none."""
    if made.decision != Decision.ROLL_BACK:
        return
    ready = Study.objects.filter(algorithm=made.algorithm, state=State.READY).prefetch_related("predictions")
    count = sum(_decision(study, {made.replaced_sha256: made}) is not None for study in ready)
    if not count:
        return
    title = registry.contract(made.algorithm).title
    said = {"version": made.replaced_version, "n": count, "reason": made.reason[:SHORT]}
    text = Text(TOLD.en.format(title=title.en, **said), TOLD.fr.format(title=title.fr, **said))
    notices.notify(signers, text, link=reverse("worklist"))


def last(algorithm: str, version: str) -> ServingDecision | None:
    """Return the decision that went back from a version, unless it was put into service again since."""
    return next((made for made in _left([algorithm]).values() if made.replaced_version == version), None)


def _decision(study: Study, left: Mapping[str, ServingDecision]) -> ServingDecision | None:
    prediction = study.prediction
    made = left.get(prediction.package_sha256) if prediction else None
    return made if made and prediction and prediction.created_at < made.decided_at else None


def _left(algorithms: Collection[str]) -> dict[str, ServingDecision]:
    """Return, by hash, the packages of some algorithms that people went back from, with the decision."""
    left: dict[str, ServingDecision] = {}
    found = ServingDecision.objects.filter(algorithm__in=algorithms).select_related("decided_by")
    for made in found.order_by("number"):
        left.pop(made.package_sha256, None)
        if made.decision == Decision.ROLL_BACK and made.replaced_sha256:
            left[made.replaced_sha256] = made
    return left

"""What people said of answers, and why they did not agree: the same for every algorithm."""

from __future__ import annotations

from dataclasses import dataclass

from predictions import verdicts
from predictions.agreement.figures import Part, Said, cells, one
from predictions.agreement.scope import Scope
from predictions.models import GIVEN_REASONS, Review, Verdict

VERDICTS = tuple(str(verdict) for verdict in Verdict)
NO_REASON = "no_reason"
REASONS = (NO_REASON, *(str(reason) for reason, _label in GIVEN_REASONS))
EVERYWHERE = cells(range(len(VERDICTS)), range(len(REASONS)))
SHARES = tuple(
    (f"said_{verdict}", cells((i,), range(len(REASONS))), EVERYWHERE) for i, verdict in enumerate(VERDICTS)
)


@dataclass(frozen=True, slots=True)
class Opinions:
    """What was said of answers.

    Parameters
    ----------
    given
        The last opinion of each person on each answer.
    unseen
        How many signed without sight of the answer, and so said nothing of it.
    """

    given: list[Review]
    unseen: int


def of(scope: Scope) -> Opinions:
    """Return what was said of answers in the period."""
    found = Review.objects.filter(
        **scope.filters(study="prediction__study", prediction="prediction", at="created_at")
    ).select_related("prediction__study", "author")
    last = {(each.author_id, each.prediction_id): each for each in found.order_by("created_at")}
    given = [each for each in last.values() if not verdicts.unseen(each)]
    return Opinions(given, len(last) - len(given))


def reasons(said: Opinions) -> Part:
    """Return opinions by the reason given for them."""
    part = Part("reasons", VERDICTS, REASONS, kappa=False, named=False, shares=SHARES)
    left_out(part, said)
    for review in said.given:
        at = VERDICTS.index(review.verdict), REASONS.index(review.reason or NO_REASON)
        study = review.prediction.study
        table = one(len(VERDICTS), len(REASONS), *at)
        part.said.append(Said(study.pk, study.patient_id, (review.author_id,), table))
    return part


def left_out(part: Part, said: Opinions) -> None:
    """Count in a part of opinions the signatures that are none."""
    if said.unseen:
        part.left_out["unseen"] += said.unseen

"""What people said of answers, and why they did not agree: the same for every algorithm."""

from __future__ import annotations

from predictions.agreement.figures import Part, Said, cells, one
from predictions.agreement.scope import Scope
from predictions.models import Reason, Review, Verdict

VERDICTS = tuple(str(verdict) for verdict in Verdict)
NO_REASON = "no_reason"
REASONS = (NO_REASON, *(str(reason) for reason in Reason))
EVERYWHERE = cells(range(len(VERDICTS)), range(len(REASONS)))
SHARES = tuple(
    (f"said_{verdict}", cells((i,), range(len(REASONS))), EVERYWHERE) for i, verdict in enumerate(VERDICTS)
)


def of(scope: Scope) -> list[Review]:
    """Return the last opinion of each person on each answer, of those given in the period."""
    found = Review.objects.filter(
        **scope.filters(study="prediction__study", prediction="prediction", at="created_at")
    ).select_related("prediction__study", "author")
    last = {(each.author_id, each.prediction_id): each for each in found.order_by("created_at")}
    return list(last.values())


def reasons(given: list[Review]) -> Part:
    """Return opinions by the reason given for them."""
    part = Part("reasons", VERDICTS, REASONS, kappa=False, named=False, shares=SHARES)
    for review in given:
        at = VERDICTS.index(review.verdict), REASONS.index(review.reason or NO_REASON)
        study = review.prediction.study
        table = one(len(VERDICTS), len(REASONS), *at)
        part.said.append(Said(study.pk, study.patient_id, (review.author_id,), table))
    return part

"""Scorers against the network, and scorers against each other, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.statistics import UNSCORED
from predictions.agreement import opinions
from predictions.agreement.figures import Part, Said, cells, diagonal
from predictions.agreement.scope import Scope
from predictions.models import Scoring, Signature, Verdict
from predictions.workspaces.sleep import comparing, scoring

N = len(STAGES)
EVERYWHERE = cells(range(N), range(N))
SHARES = (
    ("alike", diagonal(N), EVERYWHERE),
    *((f"found_{stage}", ((i, i),), cells((i,), range(N))) for i, stage in enumerate(STAGES)),
)


def collect(scope: Scope) -> list[Part]:
    """Return the parts of a sleep laboratory."""
    signed, scored = _part("signed"), _part("scored")
    for signature in _signatures(scope):
        if signature.review.verdict == Verdict.CANNOT_ASSESS:
            signed.left_out["cannot_assess"] += 1
            continue
        reported = scoring.of(signature)
        draft = scoring.draft(reported.prediction)
        who = reported.scorer.pk if reported.scorer else signature.signer_id
        said = _said(signature.study_id, signature.study.patient_id, (who,), reported.stages, draft.stages)
        if said is None:
            signed.left_out["other_grid"] += 1
            continue
        signed.said.append(said)
        if reported.scorer is None:
            scored.left_out["draft_untouched"] += 1
        else:
            scored.said.append(said)
    return [signed, scored, *_scorers(scope), opinions.reasons(opinions.of(scope))]


def _part(code: str) -> Part:
    return Part(code, STAGES, STAGES, epochs=True, shares=SHARES, named=code != "signed")


def _signatures(scope: Scope) -> Iterator[Signature]:
    """Yield the last signature of each night signed in the period."""
    found = Signature.objects.filter(**scope.filters(study="study", prediction="prediction", at="signed_at"))
    found = found.select_related("study", "review", "prediction", "hypnogram__scoring__scorer")
    last = {one.study_id: one for one in found.select_related("hypnogram__prediction").order_by("version")}
    yield from last.values()


def _scorers(scope: Scope) -> list[Part]:
    """Return two scorers of one night beside each other: those who worked apart, and those who did not."""
    apart, dependent = _part("scorers_apart"), _part("scorers_dependent")
    done = Scoring.objects.filter(
        **scope.filters(study="study", prediction="prediction", at="closed_at"), unfinished=False
    ).select_related("study", "scorer", "prediction", "source__scorer")
    latest: dict[tuple[object, int], dict[int, Scoring]] = {}
    for one in done.order_by("closed_at"):
        latest.setdefault((one.study_id, one.version), {})[one.scorer_id] = one
    for made in latest.values():
        ordered = sorted(made.values(), key=lambda one: one.started_at)
        for pair in combinations(ordered, 2):
            part = apart if comparing.dependence(pair) is None else dependent
            first, second = (scoring.scored(one) for one in pair)
            people = (pair[0].scorer_id, pair[1].scorer_id)
            study = pair[0].study
            said = _said(study.pk, study.patient_id, people, first.stages, second.stages)
            if said is None:
                part.left_out["other_grid"] += 1
            else:
                part.said.append(said)
    return [apart, dependent]


def _said(
    study: object, patient: object, people: tuple[int, ...], a: Sequence[str], b: Sequence[str]
) -> Said | None:
    """Return the epochs that both scored; ``None`` for nights of different lengths or without any."""
    both = [pair for pair in zip(a, b, strict=False) if UNSCORED not in pair]
    if len(a) != len(b) or not both:
        return None
    table = [[0] * N for _ in STAGES]
    for one, two in both:
        table[STAGES.index(one)][STAGES.index(two)] += 1
    apart = sum(one != two for one, two in both) / len(both)
    return Said(study, patient, people, tuple(map(tuple, table)), apart)

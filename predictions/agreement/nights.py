"""Scorers against the network, and scorers against each other, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from uuid import UUID

from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.algorithms.sleep.statistics import UNSCORED
from predictions import verdicts
from predictions.agreement import opinions
from predictions.agreement.figures import Part, Said, cells, diagonal
from predictions.agreement.scope import Scope
from predictions.models import Scoring, Signature, Verdict
from predictions.states import State
from predictions.workspaces.sleep import comparing, scoring
from predictions.workspaces.sleep.scoring import Hypnogram

N = len(STAGES)
EVERYWHERE = cells(range(N), range(N))
ALIKE = ("alike", diagonal(N), EVERYWHERE)
SHARES = (
    ALIKE,
    *((f"found_{stage}", ((i, i),), cells((i,), range(N))) for i, stage in enumerate(STAGES)),
)
# Of two people neither is the measure of the other: of all that either called a stage, how much both did
# (specific agreement, Fleiss 1975, Biometrics 31:651), the same whoever stands on which side.
OF_PAIRS = (
    ALIKE,
    *(
        (f"both_{stage}", ((i, i), (i, i)), (*cells((i,), range(N)), *cells(range(N), (i,))))
        for i, stage in enumerate(STAGES)
    ),
)


def collect(scope: Scope) -> list[Part]:
    """Return the parts of a sleep laboratory."""
    signed, unseen, scored = _part("signed"), _part("signed_unseen"), _part("scored")
    for signature in _signatures(scope):
        if signature.study.state != State.SIGNED:
            signed.left_out["being_amended"] += 1
        elif verdicts.unseen(signature.review):
            # Without sight of the draft nothing pulled: a comparison of its own, and the fairest there is.
            signed.left_out["unseen"] += 1
            _signed(signature, unseen)
        elif signature.review.verdict == Verdict.CANNOT_ASSESS:
            signed.left_out["cannot_assess"] += 1
        else:
            said = _signed(signature, signed)
            if said is not None and said.scored:
                scored.said.append(said.said)
            elif said is not None:
                scored.left_out["draft_untouched"] += 1
    return [unseen, signed, scored, *_scorers(scope), opinions.reasons(opinions.of(scope))]


@dataclass(frozen=True, slots=True)
class _Signed:
    """What a signed night says beside its draft, and whether somebody scored it."""

    said: Said
    scored: bool


def _signed(signature: Signature, part: Part) -> _Signed | None:
    """Put a signed night beside what the network said of it; ``None`` where the two cannot be compared."""
    reported = scoring.of(signature)
    draft = scoring.of_network(reported.prediction)
    who = reported.scorer.pk if reported.scorer else signature.signer_id
    said = _said(signature.study_id, signature.study.patient_id, (who,), reported, draft)
    if said is None:
        part.left_out["other_grid"] += 1
        return None
    part.said.append(said)
    return _Signed(said, reported.scorer is not None)


def _part(code: str, *, pairs: bool = False) -> Part:
    shares = OF_PAIRS if pairs else SHARES
    return Part(code, STAGES, STAGES, epochs=True, pairs=pairs, shares=shares, named=code != "signed")


def _signatures(scope: Scope) -> Iterator[Signature]:
    """Yield the last signature of each night signed in the period."""
    found = Signature.objects.filter(**scope.filters(study="study", prediction="prediction", at="signed_at"))
    found = found.select_related("study", "review", "prediction", "hypnogram__scoring__scorer")
    last = {one.study_id: one for one in found.select_related("hypnogram__prediction").order_by("version")}
    yield from last.values()


def _scorers(scope: Scope) -> list[Part]:
    """Return two scorers of one night beside each other: those who worked apart, and those who did not."""
    apart, dependent = (_part(code, pairs=True) for code in ("scorers_apart", "scorers_dependent"))
    done = Scoring.objects.filter(
        **scope.filters(study="study", prediction="prediction", at="closed_at"), unfinished=False
    ).select_related("study", "scorer", "prediction", "source__scorer")
    latest: dict[tuple[object, int], dict[int, Scoring]] = {}
    for one in done.order_by("closed_at"):
        latest.setdefault((one.study_id, one.version), {})[one.scorer_id] = one
    for made in latest.values():
        for pair in combinations(made.values(), 2):
            part = apart if comparing.dependence(pair) is None else dependent
            first, second = (scoring.scored(one) for one in pair)
            people = (pair[0].scorer_id, pair[1].scorer_id)
            study = pair[0].study
            said = _said(study.pk, study.patient_id, people, first, second)
            if said is None:
                part.left_out["other_grid"] += 1
            else:
                part.said.append(said.sided())
    return [apart, dependent]


def _said(study: UUID, patient: UUID, people: tuple[int, ...], one: Hypnogram, two: Hypnogram) -> Said | None:
    """Return the epochs that both scored; ``None`` for nights of different lengths or without any."""
    pairs = list(enumerate(zip(one.stages, two.stages, strict=False)))
    both = [(epoch, pair) for epoch, pair in pairs if UNSCORED not in pair]
    if len(one.stages) != len(two.stages) or not both:
        return None
    table = [[0] * N for _ in STAGES]
    for _epoch, (a, b) in both:
        table[STAGES.index(a)][STAGES.index(b)] += 1
    apart = sum(a != b for _epoch, (a, b) in both) / len(both)
    artefacts = _marked(one) | _marked(two)
    marked = sum(epoch in artefacts for epoch, _pair in both)
    return Said(study, patient, people, tuple(map(tuple, table)), apart, marked)


def _marked(hypnogram: Hypnogram) -> set[int]:
    """Return the epochs that a mark of artefact lies in."""
    found: set[int] = set()
    for mark in hypnogram.artefacts:
        length = EPOCH_SECONDS if mark["duration_s"] is None else mark["duration_s"]
        last = math.ceil((mark["onset_s"] + length) / EPOCH_SECONDS)
        found.update(range(int(mark["onset_s"] // EPOCH_SECONDS), last))
    return found

"""Radiologists against the network: before they saw its answer, after, and against each other."""

from __future__ import annotations

from itertools import combinations
from uuid import UUID

from predictions import first_read, verdicts
from predictions.agreement import opinions
from predictions.agreement.figures import Part, Said, cells, diagonal, one
from predictions.agreement.scope import Scope
from predictions.deployments.selectors import unseen
from predictions.first_read_counts import SINCE_BLIND
from predictions.models import FirstRead, Prediction, Reason, Review, Signature, Verdict
from predictions.states import State

ANSWERS = ("normal", "pneumonia")
ALIKE = ("alike", diagonal(2), cells((0, 1), (0, 1)))
READER_FIRST = (
    ALIKE,
    ("sensitivity", ((1, 1),), cells((1,), (0, 1))),
    ("specificity", ((0, 0),), cells((0,), (0, 1))),
)
MINDS = (
    ("towards", ((0, 1),), cells((0,), (0, 1))),
    ("away", ((1, 0),), cells((1,), (0, 1))),
)


def collect(scope: Scope) -> list[Part]:
    """Return the parts of a radiology unit."""
    reads = _first_reads(scope)
    reasons = opinions.reasons(opinions.of(scope))
    return [_blind(reads), *_signed(scope), _minds(reads), reasons, _readers(reads)]


def _first_reads(scope: Scope) -> list[FirstRead]:
    """Return what was committed in the period before the answer was shown."""
    found = FirstRead.objects.filter(
        **scope.filters(study="study", prediction="prediction", at="at"),
        prediction__result__has_key=SINCE_BLIND,
    ).exclude(study__in=unseen().values("study"))
    return list(found.select_related("study", "prediction").order_by("at"))


def _blind(reads: list[FirstRead]) -> Part:
    part = Part("blind", ANSWERS, ANSWERS, shares=READER_FIRST)
    for read in reads:
        seen = first_read.sees_pneumonia(read)
        if seen is None:
            part.left_out["cannot_assess"] += 1
            continue
        part.said.append(
            _said(read.study_id, read.study.patient_id, (read.reader_id,), seen, read.prediction)
        )
    return part


def _signed(scope: Scope) -> list[Part]:
    """Compare the answer with what was signed: by those who had not seen it, and by those who had."""
    unseen, final = (Part(code, ANSWERS, ANSWERS, shares=READER_FIRST) for code in ("signed_unseen", "final"))
    found = Signature.objects.filter(**scope.filters(study="study", prediction="prediction", at="signed_at"))
    found = found.select_related("study", "review", "prediction", "first_read").order_by("version")
    for signature in {each.study_id: each for each in found}.values():
        if signature.study.state != State.SIGNED:
            final.left_out["being_amended"] += 1
            continue
        blind = verdicts.unseen(signature.review)
        part = unseen if blind else final
        final.left_out.update(["unseen"] if blind else [])
        opinion = signed_opinion(signature)
        if opinion is None:
            part.left_out["cannot_assess"] += 1
            continue
        patient = signature.study.patient_id
        said = _said(signature.study_id, patient, (signature.signer_id,), opinion, signature.prediction)
        part.said.append(said)
    return [unseen, final]


def _minds(reads: list[FirstRead]) -> Part:
    """Compare what each reader said first with what they said of the answer at last."""
    part = Part("minds", ("differed", "same"), ("differs", "same"), kappa=False, shares=MINDS)
    judged = Review.objects.filter(prediction__in=[read.prediction_id for read in reads])
    judged = judged.exclude(reason=Reason.UNSEEN)
    last = {(each.author_id, each.prediction_id): each.verdict for each in judged.order_by("created_at")}
    for read in reads:
        before = first_read.agrees(read)
        verdict = last.get((read.reader_id, read.prediction_id))
        if verdict is None:
            part.left_out["not_judged"] += 1
        elif before is None or verdict == Verdict.CANNOT_ASSESS:
            part.left_out["cannot_assess"] += 1
        else:
            table = one(2, 2, before, verdict == Verdict.AGREE)
            part.said.append(Said(read.study_id, read.study.patient_id, (read.reader_id,), table))
    return part


def _readers(reads: list[FirstRead]) -> Part:
    """Compare two readers of one image, neither of whom had seen the answer."""
    part = Part("readers", ANSWERS, ANSWERS, pairs=True, shares=(ALIKE,))
    by_study: dict[UUID, list[FirstRead]] = {}
    for read in reads:
        if first_read.sees_pneumonia(read) is not None:
            by_study.setdefault(read.study_id, []).append(read)
    for made in by_study.values():
        for first, second in combinations(made, 2):
            a, b = (bool(first_read.sees_pneumonia(read)) for read in (first, second))
            people = (first.reader_id, second.reader_id)
            said = Said(first.study_id, first.study.patient_id, people, one(2, 2, a, b), float(a != b))
            part.said.append(said.sided())
    return part


def _said(study: UUID, patient: UUID, people: tuple[int, ...], opinion: bool, prediction: Prediction) -> Said:
    """Return one reading; the further the probability from what the reader says, the heavier it weighs."""
    answered = prediction.result.get("label") == first_read.POSITIVE
    probability = float(prediction.result.get("probability", answered))
    apart = abs(probability - opinion) if answered != opinion else 0.0
    return Said(study, patient, people, one(2, 2, opinion, answered), apart)


def signed_opinion(signature: Signature) -> bool | None:
    """Return whether what was signed says pneumonia, ``None`` where it says nothing of it.

    Who signed without sight of the answer said so in their first read, and of the answer nothing.
    """
    if verdicts.unseen(signature.review):
        read = signature.first_read
        return None if read is None else first_read.sees_pneumonia(read)
    if signature.review.verdict == Verdict.CANNOT_ASSESS:
        return None
    answered = signature.prediction.result.get("label") == first_read.POSITIVE
    return answered if signature.review.verdict == Verdict.AGREE else not answered

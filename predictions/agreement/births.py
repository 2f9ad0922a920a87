"""Midwives and physicians about the haemorrhage figure, and what the births came to."""

from __future__ import annotations

from itertools import combinations
from uuid import UUID

from clinic.accounts.roles import Role
from predictions import outcomes
from predictions.agreement import opinions
from predictions.agreement.figures import Part, Said, cells, diagonal, one
from predictions.agreement.opinions import VERDICTS, Opinions
from predictions.agreement.scope import Scope
from predictions.deployments.selectors import unseen
from predictions.models import BloodLoss, Review, Study
from predictions.states import State

ROLES = (str(Role.MIDWIFE), str(Role.PHYSICIAN))
V = len(VERDICTS)
LOST = ("not_severe", "severe")
FLAGGED = ("not_flagged", "flagged")
OF_VERDICTS = tuple(
    (f"{name}_{role}", ((i, j),), cells((i,), range(V)))
    for i, role in enumerate(ROLES)
    for j, name in enumerate(VERDICTS)
)
OF_FLAGS = (
    ("sensitivity", ((1, 1),), cells((1,), (0, 1))),
    ("specificity", ((0, 0),), cells((0,), (0, 1))),
)
OF_BIRTHS = tuple((f"severe_{name}", ((1, j),), cells((0, 1), (j,))) for j, name in enumerate(VERDICTS))


def collect(scope: Scope) -> list[Part]:
    """Return the parts of a maternity unit."""
    judged = opinions.of(scope)
    losses = _losses(scope)
    return [
        _verdicts(judged),
        opinions.reasons(judged),
        _two_people(judged),
        _flags(scope, losses),
        _verdicts_and_births(judged, losses),
    ]


def _verdicts(judged: Opinions) -> Part:
    part = Part("verdicts", ROLES, VERDICTS, kappa=False, shares=OF_VERDICTS)
    opinions.left_out(part, judged)
    for review in judged.given:
        if review.author.role not in ROLES:
            part.left_out["other_role"] += 1
            continue
        at = ROLES.index(review.author.role), VERDICTS.index(review.verdict)
        part.said.append(_said(review, one(len(ROLES), V, *at)))
    return part


def _two_people(judged: Opinions) -> Part:
    """Compare two people's opinions of one figure; who came later may have read the other's."""
    alike = ("alike", diagonal(V), cells(range(V), range(V)))
    part = Part("two_people", VERDICTS, VERDICTS, pairs=True, shares=(alike,))
    by_figure: dict[UUID, list[Review]] = {}
    for review in judged.given:
        by_figure.setdefault(review.prediction_id, []).append(review)
    for given in by_figure.values():
        for first, second in combinations(given, 2):
            table = one(V, V, VERDICTS.index(first.verdict), VERDICTS.index(second.verdict))
            study = first.prediction.study
            people = (first.author_id, second.author_id)
            part.said.append(Said(study.pk, study.patient_id, people, table).sided())
    return part


def _losses(scope: Scope) -> dict[UUID, BloodLoss]:
    """Return what counts of the blood loss of every stay of the unit, by stay."""
    stays = Study.objects.filter(algorithm=scope.algorithm, unit=scope.unit_id, encounter__isnull=False)
    return dict(outcomes.latest_of(stays.order_by().values_list("encounter_id", flat=True)))


def _flags(scope: Scope, losses: dict[UUID, BloodLoss]) -> Part:
    """Compare what was flagged at the last assessment before a birth with what it came to."""
    part = Part("births", LOST, FLAGGED, kappa=False, named=False, shares=OF_FLAGS)
    answered = Study.objects.filter(
        algorithm=scope.algorithm,
        unit=scope.unit_id,
        encounter__in=losses,
        state__in=(State.READY, State.SIGNED),
    ).exclude(pk__in=unseen().values("study"))
    answered = answered.prefetch_related("predictions")
    last: dict[UUID, Study] = {}
    for study in answered.order_by("submitted_at"):
        loss = losses[study.encounter_id]
        if study.submitted_at < outcomes.end_of_minute(loss.measured_at):
            last[study.encounter_id] = study
    for encounter, study in last.items():
        loss, prediction = losses[encounter], study.prediction
        if not scope.since <= loss.measured_at < scope.until:
            continue
        if prediction is None or (scope.version and prediction.package_version != scope.version):
            part.left_out["other_version"] += 1
        elif "flagged" not in prediction.result:
            part.left_out["no_operating_point"] += 1
        else:
            part.said.append(_birth(study, loss.severe, prediction.result))
    return part


def _birth(study: Study, severe: bool, result: dict[str, float]) -> Said:
    """Return one birth; a severe loss weighs the more the lower the risk was said to be."""
    flagged, risk = bool(result["flagged"]), float(result["risk"])
    apart = abs(severe - risk) if flagged != severe else 0.0
    return Said(study.pk, study.patient_id, (), one(2, 2, severe, flagged), apart)


def _verdicts_and_births(judged: Opinions, losses: dict[UUID, BloodLoss]) -> Part:
    part = Part("verdicts_births", LOST, VERDICTS, kappa=False, shares=OF_BIRTHS)
    opinions.left_out(part, judged)
    for review in judged.given:
        loss = losses.get(review.prediction.study.encounter_id)
        if loss is None:
            part.left_out["no_outcome"] += 1
        else:
            part.said.append(_said(review, one(2, V, loss.severe, VERDICTS.index(review.verdict))))
    return part


def _said(review: Review, table: tuple[tuple[int, ...], ...]) -> Said:
    study = review.prediction.study
    return Said(study.pk, study.patient_id, (review.author_id,), table)

"""Two scorings of one night beside each other, epoch by epoch, once both are finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from clinic.accounts.models import User
from ml.algorithms.sleep import agreement
from ml.contracts import Problem, Refused, Text
from predictions.models import Scoring, Study
from predictions.workspaces.sleep import scoring
from predictions.workspaces.sleep.scoring import Hypnogram

APART = Problem(
    "scoring_apart",
    Text(
        "Two scorers work apart: scorings are compared once each of the two is finished.",
        "Deux scoreurs travaillent séparément : les scorages se comparent une fois que chacun a terminé.",
    ),
)
ONE_NAMED = Problem(
    "scoring_pair",
    Text(
        "Name two different finished scorings, “first” and “second”, or neither: then the latest of two "
        "people are compared.",
        "Désignez deux scorages terminés différents, « first » et « second », ou aucun : les derniers "
        "scorages de deux personnes sont alors comparés.",
    ),
)
UNKNOWN = Text(
    "There is no scoring with this id in the present version of this night.",
    "Aucun scorage de la version actuelle de cette nuit ne porte cet identifiant.",
)
OTHER_GRID = Problem(
    "scoring_other_grid",
    Text(
        "These two are of different lengths: the night was analysed again in between.",
        "Ces deux scorages n’ont pas la même longueur : la nuit a été réanalysée entre-temps.",
    ),
)


def compare(
    user: User, study: Study, first: UUID | None = None, second: UUID | None = None
) -> dict[str, Any]:
    """Compare two finished scorings that are open to ``user``.

    Parameters
    ----------
    first, second
        Which; without them the latest finished scorings of two people, those made apart before others.

    Returns
    -------
    dict
        ``scorings`` (id, scorer, ``blind``: made without sight of another), what
        :meth:`ml.algorithms.sleep.agreement.Agreement.to_json` holds, and ``list``: per epoch that differs
        its position and the two stages.

    Raises
    ------
    ml.contracts.Refused
        While one of them is not finished, or not open to ``user``; when only one is named, one twice, or one
        that is not of this version; or of nights of different lengths.
    """
    made = scoring.scorings(study)
    if first or second:
        _require_two(made, first, second)
    shown = scoring.visible(user, study, made)
    mine = [one for one in made if one.scorer_id == user.pk and one.finished]
    candidates = sorted([*shown, *mine], key=lambda one: (one.blind, one.closed_at), reverse=True)
    pair = _named(candidates, first, second) if first and second else _of_two_people(candidates)
    a, b = (scoring.scored(one) for one in sorted(pair, key=lambda one: one.started_at))
    return {
        "scorings": [
            {"id": str(one.scoring.pk), "scorer": one.scorer.label, "blind": one.scoring.blind}
            for one in (a, b)
        ],
        **between(a, b, seed=0),
    }


def between(a: Hypnogram, b: Hypnogram, seed: int = 0) -> dict[str, Any]:
    """Return the agreement of two hypnograms of one grid, with the epochs where they differ.

    Raises
    ------
    ml.contracts.Refused
        When the grids differ in length.
    """
    if len(a.stages) != len(b.stages):
        raise Refused(OTHER_GRID)
    found: Mapping[str, Any] = agreement.compare(a.stages, b.stages, seed).to_json()
    pairs = enumerate(zip(a.stages, b.stages, strict=True))
    return {
        **found,
        "list": [{"epoch": epoch, "first": one, "second": two} for epoch, (one, two) in pairs if one != two],
    }


def _require_two(made: list[Scoring], first: UUID | None, second: UUID | None) -> None:
    if first is None or second is None or first == second:
        raise Refused(ONE_NAMED)
    known = {one.pk for one in made}
    unknown = [name for name, pk in (("first", first), ("second", second)) if pk not in known]
    if unknown:
        raise Refused(*(Problem("scoring_unknown", UNKNOWN, field=name) for name in unknown))


def _named(candidates: list[Scoring], *ids: UUID) -> list[Scoring]:
    found = [one for one in candidates if one.pk in ids]
    if len(found) != len(ids):
        raise Refused(APART)
    return found


def _of_two_people(candidates: list[Scoring]) -> list[Scoring]:
    latest: dict[int, Scoring] = {}
    for one in candidates:
        latest.setdefault(one.scorer_id, one)
    if len(latest) < 2:
        raise Refused(APART)
    return list(latest.values())[:2]

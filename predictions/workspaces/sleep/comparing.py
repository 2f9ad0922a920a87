"""Two scorings of one night beside each other, epoch by epoch, once both are finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import get_language

from clinic.accounts.models import User
from ml.algorithms.sleep import agreement
from ml.algorithms.sleep.statistics import UNSCORED
from ml.contracts import Problem, Refused, Text
from predictions.models import Origin, Scoring, Study
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
BEGAN_WITH = Text(
    "Not independent: {one} began with the scoring of {other}.",
    "Scorages non indépendants : celui de {one} est parti de celui de {other}.",
)
FROM_SIGNED = Text(
    "Not independent: {one} began with what was signed before.",
    "Scorages non indépendants : celui de {one} est parti de ce qui avait été signé.",
)
COULD_SEE = Text(
    "Not independent: a finished scoring was open to {one} when theirs began.",
    "Scorages non indépendants : un scorage terminé était accessible à {one} au début du sien.",
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
        ``scorings`` (id, scorer, ``blind``: made without sight of another, ``from`` and ``from_scorer``:
        what and whose work it began with), ``independent``, ``dependence`` (why not, in words; empty
        otherwise), and what :func:`between` returns.

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
    why = dependence([a.scoring, b.scoring])
    return {
        "scorings": [_described(one.scoring) for one in (a, b)],
        "independent": why is None,
        "dependence": why.to(get_language() or "") if why else "",
        **between(a, b, seed=0),
    }


def dependence(pair: Sequence[Scoring]) -> Text | None:
    """Return in words why two scorings are not independent; ``None`` when neither scorer saw the other's.

    What agreement between people looks like is no yardstick for such a pair.
    """
    for one in pair:
        whose = scoring.began_with(one)
        if one.origin == Origin.SCORING and whose is not None:
            return BEGAN_WITH.format(one=one.scorer.label, other=whose.label)
        if one.origin == Origin.SIGNED:
            return FROM_SIGNED.format(one=one.scorer.label)
    seeing = next((one for one in pair if not one.blind), None)
    return None if seeing is None else COULD_SEE.format(one=seeing.scorer.label)


def between(a: Hypnogram, b: Hypnogram, seed: int = 0) -> dict[str, Any]:
    """Return the agreement of two hypnograms of one grid, with the epochs where they differ.

    Returns
    -------
    dict
        What :meth:`ml.algorithms.sleep.agreement.Agreement.to_json` holds, over the epochs that both scored;
        ``list``: of those, per epoch that differs its position and the two stages; ``unscored``: the same
        of the epochs that one of the two left unscored, which count nowhere.

    Raises
    ------
    ml.contracts.Refused
        When the grids differ in length.
    """
    if len(a.stages) != len(b.stages):
        raise Refused(OTHER_GRID)
    found: Mapping[str, Any] = agreement.compare(a.stages, b.stages, seed).to_json()
    pairs = enumerate(zip(a.stages, b.stages, strict=True))
    apart = [{"epoch": epoch, "first": one, "second": two} for epoch, (one, two) in pairs if one != two]
    listed: dict[str, list[dict[str, Any]]] = {"list": [], "unscored": []}
    for line in apart:
        listed["unscored" if UNSCORED in (line["first"], line["second"]) else "list"].append(line)
    return {**found, **listed}


def _described(one: Scoring) -> dict[str, Any]:
    whose = scoring.began_with(one)
    return {
        "id": str(one.pk),
        "scorer": one.scorer.label,
        "blind": one.blind,
        "from": one.origin,
        "from_scorer": whose.label if whose else None,
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

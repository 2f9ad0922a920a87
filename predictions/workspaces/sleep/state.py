"""What the scoring room is told: how a night stands for one person, and what became of what they sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404
from django.utils.translation import get_language

from clinic.accounts.models import User
from predictions import access
from predictions.models import Scoring, Study
from predictions.states import State
from predictions.workspaces.sleep import scoring
from predictions.workspaces.sleep.events import Taken
from predictions.workspaces.sleep.fold import Ledger
from predictions.workspaces.sleep.scoring import Hypnogram

REVIEW_SHARE = 0.2
"""Of an 8 h night 192 epochs; what that buys stands in the result's own curve."""


def of(user: User, study: Study, scoring_id: UUID | None = None) -> dict[str, Any]:
    """Return how a night stands for ``user``.

    Parameters
    ----------
    study
        With a result.
    scoring_id
        Another scoring to look at: an own one, or one of a colleague that is open to ``user``.

    Raises
    ------
    django.http.Http404
        When that scoring is not open to them, or there is none.
    """
    made = scoring.scorings(study)
    shown = scoring.visible(user, study, made)
    if scoring_id is None:
        hypnogram, mine = scoring.shown_to(user, study, made)
    else:
        mine = _found(user, study, shown, scoring_id)
        hypnogram = scoring.scored(mine)
    events = scoring.ledger(mine) if mine else Ledger(hypnogram.night)
    writable = study.state == State.READY and access.may_score(user, study)
    own = mine is None or mine.scorer_id == user.pk
    return {
        "scoring": str(mine.pk) if mine else None,
        "number": mine.number if mine else 0,
        "from": mine.origin if mine else _source(study),
        "from_scorer": _whose(hypnogram, mine),
        **_stands(hypnogram, events),
        "closed": study.state != State.READY or (mine is not None and mine.closed_at is not None),
        "signed": study.state == State.SIGNED,
        "may_score": writable and own,
        "scorer": hypnogram.scorer.label if hypnogram.scorer else None,
        "blind": mine.blind if mine else None,
        "superseded": hypnogram.prediction != study.prediction,
        "others": _others(user, made, shown),
    }


def answer(taken: Taken) -> dict[str, Any]:
    """Return what became of a batch, with the sentences of refusals in the language of the request."""
    language = get_language() or ""
    return {
        "scoring": str(taken.scoring.pk),
        "number": taken.scoring.number,
        "merged": taken.merged,
        "kept": [str(identity) for identity in taken.kept],
        "refused": [
            {"id": identity, "code": problem.code, "text": problem.message.to(language)}
            for identity, problem in taken.refused
        ],
        "closed": taken.scoring.closed_at is not None,
        "can_undo": taken.ledger.to_undo() is not None,
        "can_redo": taken.ledger.to_redo() is not None,
        "statistics": taken.hypnogram.statistics,
        "review": progress(scoring.open_result(taken.hypnogram.prediction), taken.ledger),
    }


def progress(result: Mapping[str, Any], events: Ledger) -> dict[str, Any]:
    """Return how much of what should be looked at first was looked at.

    Returns
    -------
    dict
        ``of`` epochs to look at first, ``seen`` how many of them were paged to or given a stage (the same
        stage confirms it), ``left`` their positions that remain, first to look at first; ``all_seen`` of the
        whole night.
    """
    order = to_look_at(result)
    looked_at = events.looked_at()
    left = [epoch for epoch in order if epoch not in looked_at]
    return {"of": len(order), "seen": len(order) - len(left), "left": left, "all_seen": len(looked_at)}


def to_look_at(result: Mapping[str, Any]) -> list[int]:
    """Return a fifth of the night, first to look at first; of older results the uncertain epochs."""
    order = (result.get("review") or {}).get("order")
    if order is None:
        return list(result["uncertain"])
    return list(order[: round(REVIEW_SHARE * len(order))])


def offered(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return how many epochs can be looked at first and what each buys; looking at none is no offer."""
    return [row for row in (result.get("review") or {}).get("budget") or () if row["epochs"]]


def advised(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the offer of as many epochs as are asked to be looked at; ``None`` when it was not measured."""
    asked = len(to_look_at(result))
    return next((row for row in offered(result) if row["epochs"] == asked), None)


def _stands(hypnogram: Hypnogram, events: Ledger) -> dict[str, Any]:
    result = scoring.open_result(hypnogram.prediction)
    draft = result["stages"]
    pairs = enumerate(zip(hypnogram.stages, draft, strict=True))
    return hypnogram.night.as_json() | {
        "changed": [epoch for epoch, (now, before) in pairs if now != before],
        "seen": sorted(events.looked_at()),
        "can_undo": events.to_undo() is not None,
        "can_redo": events.to_redo() is not None,
        "statistics": hypnogram.statistics,
        "review": progress(result, events),
    }


def _found(user: User, study: Study, shown: list[Scoring], scoring_id: UUID) -> Scoring:
    """Return a scoring that is open to ``user``: also their own, and finished ones of versions before."""
    before = Q(version__lt=scoring.version(study), closed_at__isnull=False, unfinished=False)
    open_too = Q(scorer=user) | before | Q(pk__in=[one.pk for one in shown])
    made = study.scorings.filter(open_too, pk=scoring_id)
    found = made.select_related("scorer", "prediction", "source", "study").first()
    if found is None:
        raise Http404
    return found


def _whose(hypnogram: Hypnogram, mine: Scoring | None) -> str | None:
    """Return whose work is gone on from; ``None`` for a draft."""
    whose = scoring.began_with(mine) if mine else hypnogram.scorer
    return whose.label if whose else None


def _source(study: Study) -> str:
    return scoring.beginning(study)


def _others(user: User, made: list[Scoring], shown: list[Scoring]) -> list[dict[str, Any]]:
    """Return who else scores; the id only of a scoring that is open to ``user``."""
    open_to = {one.pk for one in shown}
    return [
        one | {"id": one["id"] if row.pk in open_to else None}
        for row, one in zip(made, scoring.describe(made), strict=True)
        if row.scorer_id != user.pk
    ]

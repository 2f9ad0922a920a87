"""Two hypnograms beside each other, ready to draw: two scorers, or the draft and what was made of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from clinic.accounts.models import User
from predictions.models import Study
from predictions.workspaces.sleep import comparing, night, scoring

LISTED = 500


def pair(user: User, study: Study) -> dict[str, Any]:
    """Return two finished scorings compared.

    Raises
    ------
    ml.contracts.Refused
        While two people have not both finished, or theirs are not open to ``user``.
    """
    found = comparing.compare(user, study)
    made = {str(one.pk): one for one in study.scorings.select_related("scorer", "prediction", "source")}
    nights = [scoring.scored(made[one["id"]]) for one in found["scorings"]]
    return _shown(found, [one["scorer"] for one in found["scorings"]], nights)


def with_draft(user: User, study: Study) -> dict[str, Any] | None:
    """Return the draft compared with what ``user`` would report now; ``None`` where that is the draft."""
    shown = scoring.current(study, user)
    draft = scoring.draft(shown.prediction)
    if shown.source == scoring.DRAFT:
        return None
    return _shown(comparing.between(draft, shown), ["", shown.scorer.label], [draft, shown])


def _shown(
    found: dict[str, Any], names: Sequence[str], nights: Sequence[scoring.Hypnogram]
) -> dict[str, Any]:
    result = nights[0].prediction.result
    started = datetime.fromisoformat(result["start"]) if result.get("start") else None
    seconds, epochs = result["epoch_seconds"], len(nights[0].stages)
    rows = zip(found["stages"], found["confusion"], strict=True)
    return {
        **found,
        "names": names,
        "epochs_all": epochs,
        "hypnograms": [night.hypnogram(one.stages) for one in nights],
        "hours": night.hours(epochs * seconds, seconds, started),
        "rows": [
            {
                "stage": stage,
                "f1": found["f1"][stage],
                "cells": [
                    {"count": count, "same": at == stage}
                    for at, count in zip(found["stages"], row, strict=True)
                ],
            }
            for stage, row in rows
        ],
        "listed": [_line(one, seconds, started) for one in found["list"][:LISTED]],
        "listed_unscored": [_line(one, seconds, started) for one in found["unscored"][:LISTED]],
        "listed_of": len(found["list"]),
    }


def _line(one: dict[str, Any], seconds: int, started: datetime | None) -> dict[str, Any]:
    into = timedelta(seconds=one["epoch"] * seconds)
    clock = f"{started + into:%H:%M:%S}" if started else str(into)
    return one | {"number": one["epoch"] + 1, "clock": clock}

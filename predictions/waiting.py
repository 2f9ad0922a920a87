"""In which order a worklist shows what waits: by time, or, where the site allows it, by the algorithm.

An order never drops a row, and a normal answer is never hidden: the same studies stand in the list, on as
many pages. Where an image is read blind, its place in the list could tell what the page does not: so the
algorithm only moves what its reader may see, unless the site has chosen otherwise knowingly.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.conf import settings

from ml import registry
from predictions.deployments import selectors as deployments
from predictions.models import Prediction, Study
from predictions.states import State

# What ``VIGIE_ALGORITHM_ORDER`` may say beside "after_first_read".
OFF, ALL = "off", "all"

# What asks for a person stands first, the refused after it, and what a machine is busy with last.
TURN = {State.FAILED: 0, State.READY: 0, State.REFUSED: 1, State.RUNNING: 2, State.QUEUED: 2}


def by_waiting(studies: Collection[Study]) -> list[Study]:
    """Return the studies of a worklist, what waits for a person first and the longest waiting first."""
    return sorted(studies, key=lambda study: (TURN[State(study.state)], study.submitted_at))


def offered(algorithms: Collection[str]) -> str:
    """Return how the site lets a list of these algorithms be ordered: ``"off"`` where none can be."""
    orderable = any(registry.contract(name).order_by for name in algorithms)
    return settings.ALGORITHM_ORDER if orderable else OFF


def by_algorithm(studies: Sequence[Study], hidden: Collection[UUID]) -> list[Study]:
    """Return ``studies`` with the more urgent answers in front, each kind within the places it has.

    Parameters
    ----------
    studies
        In order of waiting.
    hidden
        Studies whose answer must not reach the reader: they keep their places, unless the site orders all.
        Those of a silent evaluation keep theirs in any case.
    """
    ordered = list(studies)
    stays = deployments.silent(studies) if settings.ALGORITHM_ORDER == ALL else frozenset(hidden)
    for name in {study.algorithm for study in ordered}:
        figure = registry.contract(name).order_by
        places = [
            place
            for place, study in enumerate(ordered)
            if figure and study.algorithm == name and study.state == State.READY and study.pk not in stays
        ]
        figures = _figures([ordered[place].pk for place in places], figure)
        # Sorting is stable: equal answers, and those without a figure, stay in order of waiting.
        moved = sorted((ordered[place] for place in places), key=lambda s: -figures.get(s.pk, 0.0))
        for place, study in zip(places, moved, strict=True):
            ordered[place] = study
    return ordered


def _figures(studies: Collection[UUID], figure: str) -> dict[UUID, float]:
    if not studies:
        return {}
    answers = Prediction.objects.filter(study__in=studies).order_by("created_at")
    found = answers.values_list("study_id", f"result__{figure}")
    return {study: float(value) for study, value in found if value is not None}

"""The assessments of one birth in their order: what the figure was, what changed, what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from predictions import answers, outcomes
from predictions.deployments import selectors as deployments
from predictions.models import Prediction, Study

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 480, 150, 36, 10, 22
NICE = (1, 2, 5, 10, 20, 50, 100)
MOST_LABELS = 6
DIAMOND = 8


@dataclass(frozen=True, slots=True)
class Assessment:
    """One assessment of the birth.

    Parameters
    ----------
    changes
        What differs from the one before: answers, settings of the ward, version of the model.
    current
        Whether it is the one on the page.
    """

    study: Study
    prediction: Prediction
    changes: tuple[str, ...]
    current: bool

    @property
    def per_100(self) -> Mapping[str, float]:
        """The figure and its interval in whole women of 100."""
        return self.prediction.result["per_100"]

    @property
    def exact(self) -> tuple[float, float, float]:
        """The lower bound, the figure and the upper bound, for a drawing."""
        low, high = self.prediction.result["interval"]
        return 100 * low, 100 * self.prediction.result["risk"], 100 * high


def of(study: Study) -> list[Assessment]:
    """Return the answered assessments of the birth that ``study`` is about, the earliest first."""
    same = [study]
    if study.encounter_id is not None:
        same = list(
            Study.objects.filter(encounter=study.encounter_id, algorithm=study.algorithm)
            .prefetch_related("predictions")
            .order_by("submitted_at")
        )
    unseen = deployments.silent(same)
    answered = [
        (one, one.prediction)
        for one in same
        if one.pk not in unseen and one.prediction and "per_100" in one.prediction.result
    ]
    found: list[Assessment] = []
    for one, prediction in answered:
        before = found[-1] if found else None
        found.append(Assessment(one, prediction, _changes(before, one, prediction), one.pk == study.pk))
    return found


def context(study: Study) -> dict[str, Any]:
    """Return what the page shows of the birth: its assessments, their drawing, its outcome."""
    assessments = of(study)
    rows = outcomes.of(study.encounter)
    return {
        "assessments": assessments,
        "drawing": drawing(assessments) if len(assessments) > 1 else None,
        "versions": sorted({assessment.prediction.package_version for assessment in assessments}),
        "superseded": bool(assessments) and not assessments[-1].current,
        "latest": assessments[-1].study if assessments else None,
        "losses": rows,
        "outcome": rows[0] if rows else None,
        "foreseen": bool(rows) and outcomes.made_before(study, rows[0]),
    }


def _label(study: Study, several_days: bool) -> str:
    at = timezone.localtime(study.submitted_at)
    return f"{at:%d/%m %H:%M}" if several_days else f"{at:%H:%M}"


def _diamond(x: float, y: float) -> str:
    corners = ((0, -DIAMOND), (DIAMOND, 0), (0, DIAMOND), (-DIAMOND, 0))
    return " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)


def _changes(before: Assessment | None, study: Study, prediction: Prediction) -> tuple[str, ...]:
    if before is None:
        return ()
    differences = answers.differences(study.contract, before.study.values, study.values)
    # A new result has a new time: only a time that changed alone is worth a word.
    told = [str(one) for name, one in differences.items() if not _of_a_new_result(name, differences)]
    old, new = before.prediction.result.get("incidence"), prediction.result.get("incidence")
    if old is not None and new is not None and old != new:
        shares = {"old": _percent(old), "new": _percent(new)}
        told.append(_("ward average %(old)s → %(new)s in 100") % shares)
    old, new = (_flag_share(one.result) for one in (before.prediction, prediction))
    if old is not None and new is not None and old != new:
        shares = {"old": _percent(old), "new": _percent(new)}
        told.append(_("women the ward flags %(old)s → %(new)s in 100") % shares)
    if before.prediction.package_version != prediction.package_version:
        versions = {"old": before.prediction.package_version, "new": prediction.package_version}
        told.append(_("model version %(old)s → %(new)s") % versions)
    return tuple(told)


def _flag_share(result: Mapping[str, Any]) -> float | None:
    """Return the share of women the ward wanted flagged; ``None`` for a result from before it could say."""
    return result.get("operating_point", {}).get("flag_share")


def _of_a_new_result(name: str, differences: Mapping[str, Any]) -> bool:
    return name.endswith("_at") and name.removesuffix("_at") in differences


def _percent(share: float) -> str:
    return formats.number_format(round(100 * share, 1), decimal_pos=1)


def drawing(assessments: Sequence[Assessment]) -> dict[str, Any]:
    """Place each figure as a point with its interval, evenly spaced in their order.

    Returns
    -------
    dict
        ``points`` (x, y, top, bottom, label, whether current, corners of a diamond), ``ticks`` (y, women
        of 100), ``path`` through the points, ``width``, ``height``, ``left``, ``floor``.
    """
    most = max(assessment.exact[2] for assessment in assessments)
    top = max(2, math.ceil(most * 1.1))
    room = HEIGHT - TOP - BOTTOM

    def y(value: float) -> float:
        return round(TOP + room * (1 - value / top), 1)

    step = (WIDTH - LEFT) / len(assessments)
    every = math.ceil(len(assessments) / MOST_LABELS)
    several_days = len({timezone.localdate(one.study.submitted_at) for one in assessments}) > 1
    points = [
        {
            "x": round(LEFT + step * (index + 0.5), 1),
            "bottom": y(assessment.exact[0]),
            "y": y(assessment.exact[1]),
            "top": y(assessment.exact[2]),
            "label": _label(assessment.study, several_days),
            "labelled": index % every == 0,
            "current": assessment.current,
        }
        for index, assessment in enumerate(assessments)
    ]
    for point in points:
        point["diamond"] = _diamond(point["x"], point["y"])
    spacing = next(nice for nice in NICE if top / nice <= 4.5 or nice == NICE[-1])
    return {
        "points": points,
        "path": " ".join(f"{point['x']},{point['y']}" for point in points),
        "ticks": [{"y": y(value), "per_100": value} for value in range(0, top + 1, spacing)],
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "floor": HEIGHT - BOTTOM,
    }

"""Where the hundred women and the bars of the waterfall stand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from predictions.models import Explanation, Prediction
from predictions.workspaces.haemorrhage import associations, course, ward, what_if

WOMEN, PER_ROW, STEP = 100, 20, 20
STRONGEST = 3
BARS = 10
WORTH_SAYING = 0.005
WIDTH = 400
# Risks in 100 that are labelled: the first of these that puts enough of them inside. Two neighbouring gaps
# of the finest are narrower than the narrowest drawing, so two labels are always inside.
COARSE = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 80)
MIDDLE = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90)
_LOW = (
    *(scale * step for scale in (0.1, 1) for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)),
    *range(10, 30, 2),
    *range(30, 50, 5),
)
FINE = (*_LOW, 50, *(100 - percent for percent in reversed(_LOW)))
ENOUGH = 3


def drawing(prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    """Return everything drawn beside the figure: icons, workloads, curve, course of the birth, reasons."""
    result = prediction.result
    context: dict[str, Any] = {
        "women": women(result["per_100"]),
        "workloads": ward.workloads(result),
        "as_high": ward.as_high(result),
        "curve": ward.decision_curve(result),
        "course": course.context(prediction.study),
        "associations": associations.words(prediction),
        "what_if": what_if.context(prediction.study) if what_if.offered(prediction.study) else None,
    }
    if explanation is None or not explanation.data:
        return context
    entries = explanation.data["contributions"]
    return context | {
        "raising": [e for e in entries if e["contribution"] > WORTH_SAYING][:STRONGEST],
        "lowering": [e for e in entries if e["contribution"] < -WORTH_SAYING][:STRONGEST],
        "waterfall": waterfall(explanation.data),
    }


def women(per_100: Mapping[str, float]) -> list[dict[str, Any]]:
    """Place one hundred women: so many with the outcome, so many more up to the upper bound."""
    likely, most = math.ceil(per_100["risk"]), math.ceil(per_100["high"])
    return [
        {
            "x": STEP * (index % PER_ROW) + STEP // 2,
            "y": STEP * (index // PER_ROW) + STEP // 2,
            "kind": "bleeds" if index < likely else "may" if index < most else "not",
        }
        for index in range(WOMEN)
    ]


def waterfall(data: Mapping[str, Any]) -> dict[str, Any]:
    """Place the bars that lead from the average woman's log odds to hers, strongest first.

    Returns
    -------
    dict
        ``bars`` (label, value, x, width, direction, ``multiplier`` of the odds), ``base``, ``final`` and
        ``ticks`` (position, risk in 100), in units of a drawing ``WIDTH`` wide.
    """
    steps = _steps(data)
    path = [data["base"]]
    for step in steps:
        path.append(path[-1] + step["contribution"])
    place = _scale(path)
    bars = []
    for step, start, end in zip(steps, path, path[1:], strict=False):
        left, right = sorted((place(start), place(end)))
        bars.append(
            step
            | {
                "x": round(left, 1),
                "width": round(max(right - left, 1), 1),
                "direction": "raises" if end >= start else "lowers",
                "multiplier": math.exp(step["contribution"]),
            }
        )
    return {
        "bars": bars,
        "base": _mark(data["base"], data["labels"]["base"], place),
        "final": _mark(data["final"], data["labels"]["final"], place),
        "ticks": _ticks(path, place),
        "width": WIDTH,
    }


def _steps(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = [e for e in data["contributions"] if abs(e["contribution"]) >= WORTH_SAYING]
    shown = [
        {key: entry[key] for key in ("label", "value", "contribution", "modifiable")}
        for entry in entries[:BARS]
    ]
    others = sum(e["contribution"] for e in data["contributions"]) - sum(e["contribution"] for e in shown)
    if abs(others) >= WORTH_SAYING:
        shown.append({"others": len(data["contributions"]) - len(shown), "contribution": others})
    if abs(data["averaging"]) >= WORTH_SAYING:
        shown.append({"label": data["labels"]["averaging"], "contribution": data["averaging"]})
    return shown


def _scale(path: Sequence[float]) -> Any:
    low, high = min(path), max(path)
    room = max(high - low, 0.5) * 0.06
    low, high = low - room, max(high, low + 0.5) + room
    return lambda value: WIDTH * (value - low) / (high - low)


def _mark(log_odds: float, label: Mapping[str, str], place: Any) -> dict[str, Any]:
    risk = 100 / (1 + math.exp(-log_odds))
    return {"x": round(place(log_odds), 1), "per_100": risk, "digits": 0 if risk >= 10 else 1, "label": label}


def _ticks(path: Sequence[float], place: Any) -> list[dict[str, Any]]:
    inside: list[dict[str, Any]] = []
    for ladder in (COARSE, MIDDLE, FINE):
        inside = []
        for percent in ladder:
            x = place(math.log(percent / (100 - percent)))
            if 0 <= x <= WIDTH:
                inside.append({"x": round(x, 1), "per_100": percent, "digits": _digits(percent)})
        if len(inside) >= ENOUGH:
            break
    return inside


def _digits(percent: float) -> int:
    """Return how many decimals a label needs: 12, 1.5, 0.12."""
    return next((digits for digits in (0, 1) if abs(percent - round(percent, digits)) < 1e-9), 2)

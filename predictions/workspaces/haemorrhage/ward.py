"""What a figure means for the work of a ward: how many are flagged, and how many of them rightly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 480, 190, 44, 10, 34
TICKS = (0.5, 1, 2, 5, 10, 20, 50)
# Net benefit in women of 100: the steps between its ticks, and how many of them at most above zero.
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
MOST_ABOVE_ZERO = 7.5
ROUNDING = 1e-9
WORTH_SAYING = 5e-5


def workloads(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the operating points by the share they flag, the ward's own marked.

    The first stored one is its own; an older result has no other.
    """
    if "workloads" in result:
        points = result["workloads"]
    else:
        points = [{**result["operating_point"], "flagged": result["flagged"]}]
    rows = [
        {
            "share": 100 * point["flagged_share"],
            "threshold": 100 * point["threshold"],
            "true": point["true_per_100_flagged"],
            "found": 100 * point["found_share"],
            "flagged": point["flagged"],
            "own": index == 0,
        }
        for index, point in enumerate(points)
    ]
    return sorted(rows, key=lambda row: row["share"])


def as_high(result: Mapping[str, Any]) -> int | None:
    """Return how many of 100 women of the ward have such a figure or a higher one; 0 for fewer than 1."""
    share = result.get("as_high_share")
    return None if share is None else round(100 * share)


def decision_curve(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """Place the net benefit of the figure, of flagging everybody and of flagging nobody over the thresholds.

    Returns
    -------
    dict
        ``model`` and ``everybody`` (points of polylines), ``nobody`` (y of zero), ``own`` (x of the ward's
        threshold), ``across`` and ``up`` (ticks), ``better`` (thresholds in 100 between which the figure is
        worth more than either, ``None`` when nowhere); ``None`` for a result without a curve.
    """
    curve = result.get("decision_curve")
    if not curve:
        return None
    least, most = curve[0]["threshold"], curve[-1]["threshold"]
    highest = max(point["model"] for point in curve)
    lowest = -highest / 4

    def x(threshold: float) -> float:
        return round(LEFT + (WIDTH - LEFT) * (threshold - least) / (most - least), 1)

    def y(benefit: float) -> float:
        inside = max(lowest, benefit)
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (highest - inside) / (highest - lowest), 1)

    own = result["threshold"]
    return {
        "model": _line(curve, "model", x, y),
        "everybody": _line(_above(curve, lowest), "everybody", x, y),
        "nobody": y(0),
        "own": x(own) if least <= own <= most else None,
        "across": [{"x": x(tick / 100), "per_100": tick} for tick in TICKS if least <= tick / 100 <= most],
        "up": [{"y": y(tick / 100), **_labelled(tick)} for tick in _round(100 * lowest, 100 * highest)],
        "better": _better(curve),
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "floor": HEIGHT - BOTTOM,
        "floor_tick": HEIGHT - BOTTOM + 4,
        "floor_text": HEIGHT - BOTTOM + 15,
    }


def _round(lowest: float, highest: float) -> list[float]:
    """Return the round values from ``lowest`` to ``highest``, zero among them, three to seven above it."""
    step = next((step for step in STEPS if highest / step <= MOST_ABOVE_ZERO), STEPS[-1])
    return [step * n for n in range(math.ceil(lowest / step), math.floor(highest / step) + 1)]


def _labelled(tick: float) -> dict[str, float]:
    digits = next(d for d in range(4) if d == 3 or abs(tick - round(tick, d)) < ROUNDING)
    return {"per_100": tick, "digits": digits}


def _line(curve: Sequence[Mapping[str, float]], name: str, x: Any, y: Any) -> str:
    return " ".join(f"{x(point['threshold'])},{y(point[name])}" for point in curve)


def _above(curve: Sequence[Mapping[str, float]], lowest: float) -> list[Mapping[str, float]]:
    """Return the points of "everybody" down to the first one below the drawing, which ends its line."""
    shown = [point for point in curve if point["everybody"] > lowest]
    return [*shown, *curve[len(shown) : len(shown) + 1]]


def _better(curve: Sequence[Mapping[str, float]]) -> dict[str, float] | None:
    found = [
        point["threshold"] for point in curve if point["model"] > max(point["everybody"], 0) + WORTH_SAYING
    ]
    return {"low": round(100 * found[0], 1), "high": round(100 * found[-1], 1)} if found else None

"""Where the night is drawn: hypnogram, hypnodensity, clock, and the epochs to look at first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from clinic.accounts.models import User
from ml.algorithms.sleep import networks
from predictions.models import Explanation, Prediction
from predictions.workspaces.sleep import physiology, scoring, state, tables

STAGES = ("W", "N1", "N2", "N3", "R")
LEVELS = {"W": 0, "R": 1, "N1": 2, "N2": 3, "N3": 4}
ROW = 20
DENSITY_HEIGHT = 100
COLUMNS = 480
LISTED = 60
HOUR = 3600
SIGNAL = "signal.json"


def drawing(user: User, prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    """Return the drawings and tables of one night, of the hypnogram that is open to ``user``."""
    result = prediction.result
    reported = scoring.current(prediction.study, user)
    stages, seconds = reported.stages, result["epoch_seconds"]
    start = _start(result)
    return {
        "epochs": len(stages),
        "reported": reported,
        "hypnogram": hypnogram(stages),
        "draft": hypnogram(result["stages"]) if list(stages) != result["stages"] else [],
        "changed": sum(a != b for a, b in zip(stages, result["stages"], strict=False)),
        "density": density(result["probabilities"]),
        "hours": hours(len(stages) * seconds, seconds, start),
        "levels": levels(),
        "uncertain": [epoch(result, index, start) for index in result["uncertain"][:LISTED]],
        "uncertain_total": len(result["uncertain"]),
        "channels": result["channels"],
        "networks": networks.said(result),
        "figures": reported.statistics,
        "statistics": tables.statistics(reported.statistics),
        "stages": tables.stages(reported.statistics),
        "lights": [
            _clock(start, light) if light is not None else ""
            for light in (reported.lights_off, reported.lights_on)
        ],
        "physiology": physiology.sections(reported),
        "jury": (result.get("jury") or {}).get("derivations"),
        "boosted": result.get("boosted"),
        "opinion": result.get("opinion"),
        "budget": state.advised(result),
        "signal": prediction.artefacts.filter(name=SIGNAL).exists() and SIGNAL,
    }


def one(result: dict[str, Any], index: int) -> dict[str, Any]:
    """Return what is shown of one epoch."""
    return epoch(result, index, _start(result))


def _start(result: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(result["start"]) if result.get("start") else None


def hypnogram(stages: Sequence[str]) -> list[dict[str, Any]]:
    """Return one bar per run of one stage: x and width in epochs, y by stage."""
    runs, at = [], 0
    for stage, run in groupby(stages):
        length = sum(1 for _ in run)
        if stage in LEVELS:
            runs.append({"x": at, "width": length, "stage": stage, "y": LEVELS[stage] * ROW})
        at += length
    return (
        [
            run | {"from_y": min(run["y"], before["y"]), "rise": abs(run["y"] - before["y"])}
            for run, before in zip(runs, [runs[0], *runs], strict=False)
        ]
        if runs
        else []
    )


def density(probabilities: Sequence[Sequence[float] | None]) -> list[dict[str, str]]:
    """Return one closed outline per stage, stacked; neighbouring epochs averaged to at most COLUMNS.

    The outlines are drawn in epochs by DENSITY_HEIGHT.
    """
    step = max(1, -(-len(probabilities) // COLUMNS))
    columns = [_mean(probabilities[at : at + step]) for at in range(0, len(probabilities), step)]
    edges = [min(at * step, len(probabilities)) for at in range(len(columns) + 1)]
    below = [0.0] * len(columns)
    outlines = []
    for index, stage in enumerate(STAGES):
        above = [low + column[index] for low, column in zip(below, columns, strict=True)]
        outlines.append({"stage": stage, "path": _outline(edges, below, above)})
        below = above
    return outlines


def _mean(rows: Sequence[Sequence[float] | None]) -> list[float]:
    """Average the epochs that were staged; nothing stands where none was."""
    staged = [row for row in rows if row]
    if not staged:
        return [0.0] * len(STAGES)
    return [sum(values) / len(staged) for values in zip(*staged, strict=True)]


def _outline(edges: Sequence[int], below: Sequence[float], above: Sequence[float]) -> str:
    top = _steps(edges, above)
    bottom = reversed(_steps(edges, below))
    return "M" + "L".join(f"{x} {y:g}" for x, y in (*top, *bottom)) + "Z"


def _steps(edges: Sequence[int], values: Sequence[float]) -> list[tuple[int, float]]:
    points = []
    for left, right, value in zip(edges, edges[1:], values, strict=False):
        y = round(DENSITY_HEIGHT * (1 - value), 1)
        points += [(left, y), (right, y)]
    return points


def levels() -> list[dict[str, Any]]:
    """Return where the name of each stage is written beside a hypnogram."""
    return [{"stage": stage, "y": level * ROW + ROW // 2} for stage, level in LEVELS.items()]


def hours(total: float, epoch_seconds: int, start: datetime | None) -> list[dict[str, Any]]:
    """Return a mark at every full hour of the clock, or of the recording when its start is unknown."""
    into = 0.0 if start is None else (start.minute * 60 + start.second) % HOUR
    first = 0.0 if into == 0 else HOUR - into
    marks = []
    at = first
    while at <= total:
        clock = (start + timedelta(seconds=at)).strftime("%H:%M") if start else f"{at / HOUR:.0f} h"
        marks.append({"x": at / epoch_seconds, "percent": round(100 * at / total, 2), "label": clock})
        at += HOUR
    return marks


def epoch(result: dict[str, Any], index: int, start: datetime | None) -> dict[str, Any]:
    """Return number, clock, stage and probabilities of one epoch; numbers count from 1, as scorers do."""
    seconds = index * result["epoch_seconds"]
    chances = result["probabilities"][index]
    here = {
        "index": index,
        "number": index + 1,
        "clock": _clock(start, seconds),
        "stage": result["stages"][index],
    }
    if chances is None:
        # Not wholly recorded: there is nothing to weigh.
        return here | {"chance": None, "second": "", "second_chance": None, "bars": []}
    ranked = sorted(zip(STAGES, chances, strict=True), key=lambda pair: -pair[1])
    return here | {
        "chance": ranked[0][1],
        "second": ranked[1][0],
        "second_chance": ranked[1][1],
        "bars": _bars(zip(STAGES, chances, strict=True)),
    }


def _clock(start: datetime | None, seconds: float) -> str:
    if start is not None:
        return (start + timedelta(seconds=seconds)).strftime("%H:%M:%S")
    return str(timedelta(seconds=int(seconds)))


def _bars(chances: Iterable[tuple[str, float]]) -> list[dict[str, Any]]:
    return [{"stage": stage, "chance": chance, "width": round(100 * chance, 1)} for stage, chance in chances]

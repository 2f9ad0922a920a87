"""The drawings of a model of two classes; those of stages are :mod:`ml.drawing.staging`'s."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml.contracts import Text
from ml.drawing import staging
from ml.drawing.canvas import BOTTOM, LEFT, RIGHT, Canvas, Frame, round_up
from ml.drawing.numbers import count, number

STRIP_TOP, STRIP_BOTTOM = BOTTOM - 50, BOTTOM

Curves = Mapping[str, Any]

MODEL = Text("model", "modèle")
CHANCE = Text("chance", "hasard")
FREQUENCY = Text("frequency", "fréquence")
IDEAL = Text("ideal", "idéal")
SMOOTHED = Text("smoothed", "lissée")
TENTHS = Text("tenths, 95 %", "dixièmes, 95 %")
FLAG_ALL = Text("flag all", "tous signalés")
FLAG_NONE = Text("flag none", "aucun signalé")
POINT = Text("operating point", "point de fonctionnement")
CHOSEN = Text("threshold used", "seuil retenu")
SENSITIVITY = Text("Sensitivity (%)", "Sensibilité (%)")
FALSE_ALARMS = Text("False positives among non-events (%)", "Faux positifs parmi les non-événements (%)")
PRECISION = Text("Positive predictive value (%)", "Valeur prédictive positive (%)")
PREDICTED = Text("Predicted probability (%)", "Probabilité prédite (%)")
OBSERVED = Text("Observed (%)", "Observé (%)")
THRESHOLD = Text("Threshold probability (%)", "Probabilité seuil (%)")
NET_BENEFIT = Text("Net benefit per 100 cases", "Bénéfice net pour 100 cas")
COST = Text("Cost per case", "Coût par cas")
FLAGGED, PASSED = Text("flagged", "signalé"), Text("not flagged", "non signalé")
EVENT, OTHER = Text("event", "événement"), Text("no event", "pas d’événement")


def _roc(canvas: Canvas, curve: Curves, _: Curves) -> None:
    to = canvas.language
    frame = Frame(canvas, (0, 1), (0, 1))
    frame.axes(FALSE_ALARMS.to(to), SENSITIVITY.to(to))
    frame.line((0, 1), (0, 1), "chart-first")
    frame.line(curve["x"], curve["y"], "chart-model")
    frame.point(*curve["point"])
    canvas.legend(
        ("chart-model", MODEL.to(to)), ("chart-first", CHANCE.to(to)), ("chart-point", POINT.to(to))
    )


def _precision_recall(canvas: Canvas, curve: Curves, _: Curves) -> None:
    to = canvas.language
    highest = round_up(max(curve["y"][2:]))
    frame = Frame(canvas, (0, 1), (0, highest))
    frame.axes(SENSITIVITY.to(to), PRECISION.to(to))
    frame.line((0, 1), (curve["prevalence"],) * 2, "chart-first")
    frame.line(curve["x"], curve["y"], "chart-model")
    if curve["point"]:
        frame.point(*curve["point"])
    canvas.legend(
        ("chart-model", MODEL.to(to)), ("chart-first", FREQUENCY.to(to)), ("chart-point", POINT.to(to))
    )


def _calibration(canvas: Canvas, curve: Curves, _: Curves) -> None:
    to = canvas.language
    upper = curve["upper"]
    highest = min(1.0, max(upper, *(1.1 * own["y"] for own in curve["bins"])))
    frame = Frame(canvas, (0, upper), (0, highest), bottom=STRIP_TOP - 12)
    frame.axes(PREDICTED.to(to), OBSERVED.to(to))
    frame.line((0, min(upper, highest)), (0, min(upper, highest)), "chart-first")
    smooth = curve["smooth"]
    frame.band(smooth["x"], smooth["low"], smooth["high"])
    frame.line(smooth["x"], smooth["y"], "chart-model")
    for own in curve["bins"]:
        x, y = frame.at(own["p"], own["y"])
        _, low = frame.at(own["p"], own["low"])
        _, high = frame.at(own["p"], own["high"])
        canvas.mark("line", "chart-bin", x1=x, y1=low, x2=x, y2=high)
        canvas.mark("circle", "chart-bin", cx=x, cy=y, r=3)
    _strip(canvas, curve)
    canvas.legend(
        ("chart-first", IDEAL.to(to)), ("chart-model", SMOOTHED.to(to)), ("chart-bin", TENTHS.to(to))
    )


def _strip(canvas: Canvas, curve: Curves) -> None:
    """Draw how the predictions of events (up) and of other cases (down) spread."""
    middle = (STRIP_TOP + STRIP_BOTTOM) / 2
    half = (STRIP_BOTTOM - STRIP_TOP) / 2 - 2
    width = (RIGHT - LEFT) / len(curve["events"])
    for counts, look, way in ((curve["events"], "chart-event", -1), (curve["others"], "chart-other", 1)):
        highest = max(counts) or 1
        for bar, height in enumerate(counts):
            tall = half * height / highest
            top = middle - tall if way < 0 else middle
            if tall:
                canvas.mark("rect", look, x=LEFT + bar * width, y=top, width=width - 1, height=tall)
    canvas.mark("line", "chart-axis", x1=LEFT, y1=middle, x2=RIGHT, y2=middle)
    canvas.text(EVENT.to(canvas.language), RIGHT, STRIP_TOP + 8, anchor="end")


def _confusion(canvas: Canvas, curve: Curves, _: Curves) -> None:
    to = canvas.language
    left, top, wide, tall = 128, 56, 138, 124
    for column, words in enumerate((FLAGGED, PASSED)):
        canvas.text(words.to(to), left + (column + 0.5) * wide, top - 12, anchor="middle", look="chart-name")
    for row, (words, names) in enumerate(((EVENT, ("tp", "fn")), (OTHER, ("fp", "tn")))):
        middle = top + (row + 0.5) * tall
        canvas.text(words.to(to), left - 10, middle + 4, anchor="end", look="chart-name")
        total = sum(curve[name] for name in names) or 1
        for column, name in enumerate(names):
            x, y = left + column * wide, top + row * tall
            look = "chart-right" if name in ("tp", "tn") else "chart-wrong"
            canvas.mark("rect", look, x=x, y=y, width=wide, height=tall)
            centre = x + wide / 2
            canvas.text(count(curve[name], to), centre, middle + 2, anchor="middle", look="chart-count")
            canvas.text(f"{number(100 * curve[name] / total, 0, to)} %", centre, middle + 24, anchor="middle")


def _decision(canvas: Canvas, curve: Curves, curves: Curves) -> None:
    to = canvas.language
    benefits = [*curve["model"], *curve["all"][:1]]
    highest = max(*benefits, 1e-3)
    frame = Frame(canvas, (0, curve["x"][-1]), (-0.25 * highest, 1.08 * highest))
    frame.axes(THRESHOLD.to(to), NET_BENEFIT.to(to))
    frame.line(*_within(curve["x"], curve["all"], frame.y[0]), "chart-first")
    frame.line((0, curve["x"][-1]), (0, 0), "chart-second")
    frame.line(curve["x"], curve["model"], "chart-model")
    if found := curves["figures"].get("net_benefit"):
        frame.point(curves["threshold"], found["value"])
    canvas.legend(*_three(to))


def _cost(canvas: Canvas, curve: Curves, curves: Curves) -> None:
    to = canvas.language
    ends = (0, curve["x"][-1])
    highest = max(*curve["model"], curve["all"], curve["none"])
    frame = Frame(canvas, ends, (0, round_up(highest, top=math.inf)))
    frame.axes(THRESHOLD.to(to), COST.to(to), y_factor=1)
    frame.line(ends, (curve["all"],) * 2, "chart-first")
    frame.line(ends, (curve["none"],) * 2, "chart-second")
    frame.line(curve["x"], curve["model"], "chart-model")
    frame.point(curves["threshold"], curve["at_threshold"])
    canvas.legend(*_three(to))


CHARTS: dict[str, Callable[[Canvas, Curves, Curves], None]] = {
    "roc": _roc,
    "precision_recall": _precision_recall,
    "calibration": _calibration,
    "confusion": _confusion,
    "decision": _decision,
    "cost": _cost,
    **staging.CHARTS,
}


def _three(to: str) -> tuple[tuple[str, str], ...]:
    return (
        ("chart-model", MODEL.to(to)),
        ("chart-first", FLAG_ALL.to(to)),
        ("chart-second", FLAG_NONE.to(to)),
        ("chart-point", CHOSEN.to(to)),
    )


def _within(xs: Sequence[float], ys: Sequence[float], lowest: float) -> tuple[list[float], list[float]]:
    """Return the part of a falling line above ``lowest``: it would run along the border of the frame."""
    kept = [(x, y) for x, y in zip(xs, ys, strict=True) if y >= lowest]
    return [x for x, _ in kept], [y for _, y in kept]

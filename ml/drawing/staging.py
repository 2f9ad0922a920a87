"""How nights were staged that were held out: confidence, what a second look buys, and stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Text
from ml.drawing.canvas import LEFT, RIGHT, Canvas, Frame
from ml.drawing.numbers import count, figure, number, short

Curves = Mapping[str, Any]

STRIP_TOP, STRIP_BOTTOM = 262, 312
FIFTH = 0.2
"""The least confidence there can be in the likeliest of five stages."""
NEAR = 9
ABOVE = ("W", "R")
"""Their names stand above their points, on the right; the others' below on the left, where no line runs."""
ORDER = ("W", "N1", "N2", "N3", "R")

CONFIDENCE = Text("Confidence (%)", "Confiance (%)")
AS_SCORED = Text("Staged as by the scorer (%)", "Cotées comme le scoreur (%)")
EQUAL = Text("confidence kept", "confiance tenue")
TENTHS = Text("tenths, 95 %", "dixièmes, 95 %")
BELOW = Text("uncertain below", "incertain en dessous")
SAME = Text("staged alike", "cotées de même")
LOOKED_AT = Text("Most doubtful epochs looked at (%)", "Époques les plus douteuses revues (%)")
KAPPA = Text("κ with the scorer", "κ avec le scoreur")
POOLED = Text("all nights, 95 %", "toutes les nuits, 95 %")
NIGHTS = Text("95 in 100 nights", "95 nuits sur 100")
RECALL = Text("Found of the stage (%)", "Trouvées du stade (%)")
PRECISION = Text("Right of those staged so (%)", "Justes parmi celles ainsi cotées (%)")
CURVE = Text("by probability", "selon la probabilité")
DRAFTED = Text("as drafted", "proposition")
SEPARATOR = Text("; ", "\u00a0; ")

TITLES = {
    "reliability": Text("Confidence and what came true", "Confiance et justesse constatée"),
    "review": Text("What looking again buys", "Ce qu’apporte la relecture"),
    "stages": Text("Precision and recall by stage", "Précision et rappel par stade"),
}
CAPTIONS = {
    "reliability": Text(
        "Expected calibration error {ece} (0 is right), over {subjects} subjects. Below a confidence of "
        "{threshold} % an epoch is shown as uncertain. Below: epochs staged as their scorer did (upwards) "
        "and otherwise (downwards), each to its own scale.",
        "Erreur de calibration attendue {ece} (0 est juste), sur {subjects} sujets. En dessous d’une "
        "confiance de {threshold}\u00a0%, une époque est présentée comme incertaine. En bas\u00a0: époques "
        "cotées comme leur scoreur (vers le haut) ou autrement (vers le bas), chacune à son échelle.",
    ),
    "review": Text(
        "κ {kappa} with nobody looking, {low} to {high} over {subjects} subjects; {after} when the most "
        "doubtful {share} % of every night are corrected as its scorer would. The dashed lines hold 95 in "
        "100 of {nights} single nights.",
        "κ {kappa} sans relecture, {low} à {high} sur {subjects} sujets\u00a0; {after} si les "
        "{share}\u00a0% d’époques les plus douteuses de chaque nuit sont corrigées comme le ferait son "
        "scoreur. Entre les tirets\u00a0: 95\u00a0% des {nights} nuits prises une à une.",
    ),
    "stages": Text(
        "Share found of each stage, and share right among those staged so: {each}.",
        "Part trouvée de chaque stade, puis part juste parmi les époques ainsi cotées\u00a0: {each}.",
    ),
}


def reliability(canvas: Canvas, curve: Curves, curves: Curves) -> None:
    """Draw the share of epochs staged as the scorer did over the confidence."""
    to = canvas.language
    frame = Frame(canvas, (FIFTH, 1), (FIFTH, 1), bottom=STRIP_TOP - 12)
    frame.axes(CONFIDENCE.to(to), AS_SCORED.to(to))
    frame.line((FIFTH, 1), (FIFTH, 1), "chart-first")
    frame.line((curves["threshold"],) * 2, (FIFTH, 1), "chart-second")
    bins = curve["bins"]
    frame.line([own["p"] for own in bins], [own["y"] for own in bins], "chart-model")
    for own in bins:
        x, y = frame.at(own["p"], own["y"])
        low, high = (frame.at(own["p"], own[end])[1] for end in ("low", "high"))
        canvas.mark("line", "chart-bin", x1=x, y1=low, x2=x, y2=high)
        canvas.mark("circle", "chart-bin", cx=x, cy=y, r=3)
    _strip(canvas, curve)
    canvas.legend(("chart-first", EQUAL.to(to)), ("chart-bin", TENTHS.to(to)), ("chart-second", BELOW.to(to)))


def _strip(canvas: Canvas, curve: Curves) -> None:
    middle, half = (STRIP_TOP + STRIP_BOTTOM) / 2, (STRIP_BOTTOM - STRIP_TOP) / 2 - 2
    width = (RIGHT - LEFT) / len(curve["right"])
    for counts, look, up in ((curve["right"], "chart-other", True), (curve["wrong"], "chart-event", False)):
        highest = max(counts) or 1
        for bar, epochs in enumerate(counts):
            tall = half * epochs / highest
            if tall:
                top = middle - tall if up else middle
                canvas.mark("rect", look, x=LEFT + bar * width, y=top, width=width - 1, height=tall)
    canvas.mark("line", "chart-axis", x1=LEFT, y1=middle, x2=RIGHT, y2=middle)
    canvas.text(SAME.to(canvas.language), LEFT + 4, STRIP_TOP + 8)


def review(canvas: Canvas, curve: list[Curves], _: Curves) -> None:
    """Draw the agreement that is reached when the most doubtful epochs of every night are looked at."""
    to = canvas.language
    shares = [row["share"] for row in curve]
    lowest = max(0.0, min(row["night_low"] for row in curve) - 0.05)
    frame = Frame(canvas, (0, shares[-1]), (lowest, 1))
    frame.axes(LOOKED_AT.to(to), KAPPA.to(to), y_factor=1)
    frame.band(shares, [row["low"] for row in curve], [row["high"] for row in curve])
    for end in ("night_low", "night_high"):
        frame.line(shares, [row[end] for row in curve], "chart-first")
    frame.line(shares, [row["kappa"] for row in curve], "chart-model")
    canvas.legend(("chart-model", POOLED.to(to)), ("chart-first", NIGHTS.to(to)))


def stages(canvas: Canvas, curve: Curves, _: Curves) -> None:
    """Draw precision over recall of every stage against the others, each named at its drafted point."""
    to = canvas.language
    frame = Frame(canvas, (0, 1), (0, 1))
    frame.axes(RECALL.to(to), PRECISION.to(to))
    for own in curve.values():
        frame.line(own["x"], own["y"], "chart-model")
    for stage, own in curve.items():
        frame.point(*own["point"])
        x, y = frame.at(*own["point"])
        if stage in ABOVE:
            canvas.text(stage, x + NEAR - 2, y - NEAR + 2, look="chart-name")
        else:
            canvas.text(stage, x - NEAR, y + NEAR + 4, anchor="end", look="chart-name")
    canvas.legend(("chart-model", CURVE.to(to)), ("chart-point", DRAFTED.to(to)))


CHARTS = {"reliability": reliability, "review": review, "stages": stages}


def caption(kind: str, curves: Curves, language: str) -> str:
    """Return what a drawing says, in words."""
    said = {
        "threshold": short(100 * curves["threshold"], language),
        "subjects": count(curves["subjects"], language),
        "nights": count(curves["nights"], language),
        "ece": figure(curves["figures"]["ece"], language, decimals=3),
        "each": SEPARATOR.to(language).join(
            _stage(name, curves["stages"][name], language) for name in ORDER if name in curves["stages"]
        ),
    }
    if rows := curves.get("review"):
        after = min(rows, key=lambda row: abs(row["share"] - FIFTH))
        said |= {
            **{end: number(rows[0][end], 2, language) for end in ("kappa", "low", "high")},
            "after": number(after["kappa"], 2, language),
            "share": short(100 * after["share"], language),
        }
    return CAPTIONS[kind].to(language).format(**said)


def _stage(name: str, own: Curves, language: str) -> str:
    found, right = (number(100 * share, 0, language) for share in own["point"])
    return f"{name} {found}\u00a0%, {right}\u00a0%"

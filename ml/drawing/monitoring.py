"""How one field spreads before and now, and how a figure went over the windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ml.contracts import Text
from ml.drawing.canvas import BOTTOM, HEIGHT, RIGHT, TOP, WIDTH, Canvas, Frame, text_width
from ml.drawing.numbers import number

REFERENCE, WINDOW = Text("reference", "référence"), Text("window", "fenêtre")
OF_PATIENTS = Text("Share of patients by part of the values", "Part des patients par tranche de valeurs")
BAR = Text("no difference", "aucun écart")
INTERVAL = Text("with its 95 % interval", "avec son intervalle à 95 %")
WINDOWS = Text("Last day of each window", "Dernier jour de chaque fenêtre")
HELD_BACK = Text("held back", "non affiché")
MOST_DAYS = 4
"""As many as stand beside each other."""
LABEL_END = 182
LEAST_COUNT = 5.0
LABEL_WIDTH = LABEL_END - 12
WIDER = 13 / 12
"""Labels of parts are written larger than what a canvas measures."""
BEFORE, NOW = "chart-axis", "chart-event"
"""An outline and a full bar: told apart in print and without colour vision."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a field: its label and its share on both sides, ``None`` where held back."""

    label: str
    reference: float | None
    window: float | None


@dataclass(frozen=True, slots=True)
class Point:
    """A figure of one window, with its interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


def spread(canvas: Canvas, parts: Sequence[Part], unit: str = "") -> None:
    """Draw two bars per part: the reference, an outline, above the window, which is full."""
    to = canvas.language
    shares = [share for part in parts for share in (part.reference, part.window) if share is not None]
    widest = max(shares, default=1.0) or 1.0
    tall = (BOTTOM + 18 - TOP) / max(1, len(parts))
    thick = min(13.0, tall / 2 - 3)
    for place, part in enumerate(parts):
        middle = TOP + (place + 0.5) * tall
        canvas.text(_cut(part.label), LABEL_END - 8, middle + 4, anchor="end", look="chart-name")
        for share, top, look in (
            (part.reference, middle - thick - 1, BEFORE),
            (part.window, middle + 1, NOW),
        ):
            if share is None:
                canvas.text(HELD_BACK.to(to), LABEL_END + 3, top + thick - 2)
                continue
            wide = (RIGHT - 40 - LABEL_END) * share / widest
            canvas.mark("rect", look, x=LABEL_END, y=top, width=max(wide, 0.5), height=thick)
            canvas.text(f"{number(100 * share, 0, to)} %", LABEL_END + wide + 4, top + thick - 2)
    said = OF_PATIENTS.to(to) + (f" ({unit})" if unit else "")
    canvas.text(said, WIDTH / 2, HEIGHT - 10, anchor="middle", look="chart-name")
    _key(canvas, ((BEFORE, REFERENCE.to(to)), (NOW, WINDOW.to(to))))


def history(
    canvas: Canvas,
    points: Sequence[Point | None],
    days: Sequence[str],
    *,
    label: str,
    bars: Sequence[float],
    counted: bool = False,
) -> None:
    """Draw a figure window by window, its interval where it has one, and the bars it may reach.

    Parameters
    ----------
    points
        ``None`` for a window without the figure: it keeps its place, and the line has a gap.
    days
        What is written under each window.
    counted
        Whether it is a number of things: the scale then has no fractions.
    """
    to = canvas.language
    known = [(at, point) for at, point in enumerate(points, start=1) if point is not None]
    ends = [end for _, point in known for end in (point.value, point.low, point.high) if end is not None]
    low, high = min(*ends, *bars, 0.0), max(*ends, *bars, LEAST_COUNT if counted else 1e-3)
    room = 0.06 * (high - low)
    frame = Frame(canvas, (0.5, len(points) + 0.5), (low - room if low else 0.0, high + room))
    step = -(-len(days) // MOST_DAYS)
    written = [(float(at), days[at - 1]) for at in range(len(days), 0, -step)]
    frame.axes(WINDOWS.to(to), label, x_factor=1, y_factor=1, x_words=written)
    for bar in bars:
        frame.line((0.5, len(points) + 0.5), (bar, bar), "chart-first")
    for (at, point), (after, following) in pairwise(known):
        if after == at + 1:
            frame.line((at, after), (point.value, following.value), "chart-model")
    for at, point in known:
        x, y = frame.at(at, point.value)
        if point.low is not None and point.high is not None:
            top, bottom = frame.at(at, point.high)[1], frame.at(at, point.low)[1]
            canvas.mark("line", "chart-bin", x1=x, y1=top, x2=x, y2=bottom)
        canvas.mark("circle", "chart-bin", cx=x, cy=y, r=3.5)
    entries = [("chart-first", BAR.to(to))] if bars else []
    if any(point.low is not None for _, point in known):
        entries.append(("chart-bin", INTERVAL.to(to)))
    canvas.legend(*entries)


def _key(canvas: Canvas, entries: Sequence[tuple[str, str]]) -> None:
    x = LABEL_END
    for look, words in entries:
        canvas.mark("rect", look, x=x, y=8, width=14, height=12)
        canvas.text(words, x + 19, 18)
        x += 110


def _cut(label: str) -> str:
    """Return as much of a label as has room."""
    if text_width(label) * WIDER <= LABEL_WIDTH:
        return label
    while text_width(f"{label}…") * WIDER > LABEL_WIDTH:
        label = label[:-1].rstrip()
    return f"{label}…"

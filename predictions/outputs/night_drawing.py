"""The night drawn for the report: hypnogram, draft, hypnodensity and oxygen over one clock, as SVG.

Measures are tenths of a millimetre. Every panel repeats by level or by position what it says by colour, and
stretches without data stay white: nothing is drawn across a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from xml.sax.saxutils import escape

from ml.contracts import Text
from predictions.outputs import night as nights
from predictions.outputs import wording
from predictions.outputs.night import Night, Row

LANES = ("W", "R", "N1", "N2", "N3")
COLOURS = {"W": "#c98500", "R": "#7a3fa8", "N1": "#6fa8d8", "N2": "#2f7cc4", "N3": "#123f80"}
INK, SLATE, HAIRLINE, GAP, ORANGE, BLUE = "#1c2730", "#4a5966", "#d8dfe5", "#eceff2", "#a34400", "#0b5cad"

WIDTH, LEFT, RIGHT = 1700, 90, 40
PLOT = WIDTH - LEFT - RIGHT
TITLE, BETWEEN, AXIS = 46, 26, 46
MARKS, STRIP = 34, 24
"""Above a person's hypnogram, for arousals; below it, for what was changed."""
LETTERS = 28
COLUMNS = 480
"""Of the hypnodensity: more than a print shows, whatever the length of the night."""
MOST_TICKS = 13
STEPS = (30, 60, 300, 600, 1800, 3600, 7200, 10800, 21600)
HOUR = 3600

REPORTED = Text("Hypnogram, as reported", "Hypnogramme retenu")
DRAFTED = Text("AI draft", "Brouillon de l’IA")
DENSITY = Text(
    "Hypnodensity: probability of each stage (AI)", "Hypnodensité : probabilité de chaque stade (IA)"
)
SATURATION = Text("Oxygen saturation, %", "Saturation en oxygène, %")
OFF = Text("lights off", "extinction")
ON = Text("lights on", "rallumage")
AROUSALS = Text("arousals", "micro-éveils")
CHANGED = Text("changed by hand", "modifié à la main")


@dataclass(frozen=True, slots=True)
class Curve:
    """A slow signal for drawing: lowest and highest value of equal stretches, ``None`` where nothing was.

    Parameters
    ----------
    step
        Seconds of one stretch.
    """

    step: float
    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """One band of the drawing: its title, its height, and what draws it from its top."""

    title: str
    height: int
    draw: Callable[[float], Iterator[str]]


def svg(night: Night, curve: Curve | None) -> str:
    """Draw a night.

    Parameters
    ----------
    curve
        Oxygen saturation in %; ``None`` where none was recorded.

    Returns
    -------
    str
        An SVG of 170 mm width.
    """
    say = night.facts.say
    panels = []
    if night.scored:
        panels += [
            Panel(say(REPORTED), 300, lambda top: _scored(night, top)),
            Panel(say(DRAFTED), 150, lambda top: _steps(night, night.draft, top, 150, 2.5)),
        ]
    else:
        panels.append(Panel(say(DRAFTED), 300, lambda top: _steps(night, night.stages, top, 300, 4.5)))
    if any(row is not None for row in night.probabilities):
        panels.append(Panel(say(DENSITY), 170, lambda top: _density(night, top, 170)))
    if curve is not None:
        panels.append(Panel(say(SATURATION), 170, lambda top: _curve(night, curve, top, 170)))
    return _document(night, panels)


def saturation(night: Night) -> Curve | None:
    """Return mean and lowest saturation of every epoch; ``None`` where the oximeter gave nothing."""
    rows = night.oxygen.get("per_epoch") or {}
    if not any(value is not None for value in rows.get("lowest", ())):
        return None
    return Curve(night.seconds, rows["lowest"], rows["mean"])


def _document(night: Night, panels: Sequence[Panel]) -> str:
    tops, at = [], TITLE
    for panel in panels:
        tops.append(at)
        at += panel.height + BETWEEN + TITLE
    bottom = at - BETWEEN - TITLE
    parts = [*_grid(night, tops, panels, bottom)]
    for top, panel in zip(tops, panels, strict=True):
        parts.append(_text(0, top - 14, panel.title, bold=True, anchor="start"))
        parts += panel.draw(top)
    parts += _lights(night, tops, panels, bottom)
    height = bottom + AXIS + (0 if night.lights_off is None and night.lights_on is None else AXIS - 10)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH / 10}mm" '
        f'height="{height / 10}mm" font-family="Libertinus Serif" font-size="{LETTERS}">'
        f"{''.join(parts)}</svg>"
    )


def _x(night: Night, seconds: float) -> float:
    return round(LEFT + PLOT * seconds / night.duration, 2)


def _grid(night: Night, tops: Sequence[int], panels: Sequence[Panel], bottom: float) -> Iterator[str]:
    """Yield the marks of the clock through every panel, named below the last."""
    for seconds, label in ticks(night):
        x = _x(night, seconds)
        for top, panel in zip(tops, panels, strict=True):
            yield _line(x, top, x, top + panel.height, HAIRLINE, 1.5)
        yield _text(x, bottom + 36, label, anchor="middle")


def ticks(night: Night) -> list[tuple[float, str]]:
    """Return moments in seconds from the start with their clock time, or hours where that is unknown."""
    step = next((step for step in STEPS if night.duration / step <= MOST_TICKS), STEPS[-1])
    start = night.start
    if start is None:
        return [(at, _hours(night, at, step)) for at in range(0, night.duration + 1, step)]
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    into = (start - midnight).total_seconds()
    first = -into % step
    count = int((night.duration - first) // step) + 1 if first <= night.duration else 0
    moments = [first + step * index for index in range(count)]
    form = "%H:%M" if step >= 60 else "%H:%M:%S"
    return [(at, (start + timedelta(seconds=at)).strftime(form)) for at in moments]


def _hours(night: Night, seconds: int, step: int) -> str:
    if step < HOUR // 2:
        return wording.number(f"{seconds / 60:g}", night.facts.language) + " min"
    return wording.number(f"{seconds / HOUR:g}", night.facts.language) + " h"


def _scored(night: Night, top: float) -> Iterator[str]:
    """Yield a person's hypnogram with arousals above it and, below, where it departs from the draft."""
    height = 300 - MARKS - STRIP
    for mark in night.arousals:
        x = _x(night, min(max(mark.onset, 0), night.duration))
        yield _line(x, top, x, top + MARKS - 12, INK, 2.5)
    yield from _steps(night, night.stages, top + MARKS, height, 4.5)
    changed = set(night.changed)
    flags = ["changed" if epoch in changed else "" for epoch in range(len(night.stages))]
    for flag, first, count in nights.runs(flags):
        if flag:
            yield _band(night, first, count, top + 300 - STRIP + 6, STRIP - 8, ORANGE)
    legend = [f'<tspan fill="{INK}">| {escape(night.facts.say(AROUSALS))}</tspan>'] if night.arousals else []
    legend += [f'<tspan fill="{ORANGE}">■ {escape(night.facts.say(CHANGED))}</tspan>'] if changed else []
    yield f'<text x="{WIDTH - RIGHT}" y="{top - 14}" text-anchor="end">{"   ".join(legend)}</text>'


def _steps(night: Night, stages: Sequence[str], top: float, height: float, stroke: float) -> Iterator[str]:
    """Yield a hypnogram: steps over time, wake on top; the level tells the stage, the colour repeats it."""
    lane = height / len(LANES)

    def y(stage: str) -> float:
        return round(top + lane * (LANES.index(stage) + 0.5), 2)

    for stage in LANES:
        yield _line(LEFT, y(stage), LEFT + PLOT, y(stage), HAIRLINE, 1.5)
        if lane > LETTERS * 0.8 or stage in (LANES[0], LANES[-1]):
            yield _text(LEFT - 14, y(stage) + 9, stage, anchor="end")
    before = nights.UNSCORED
    for stage, first, count in nights.runs(stages):
        left, right = _x(night, first * night.seconds), _x(night, (first + count) * night.seconds)
        if stage not in LANES:
            yield _band(night, first, count, top, height, GAP)
        else:
            if before in LANES:
                yield _line(left, y(before), left, y(stage), SLATE, 1.6)
            thick = stroke * (2 if stage == "R" else 1)
            yield _line(left, y(stage), max(right, left + 1), y(stage), COLOURS[stage], thick)
        before = stage


def _density(night: Night, top: float, height: float) -> Iterator[str]:
    """Yield one closed outline per stage and stretch, stacked, neighbouring epochs averaged."""
    rows = night.probabilities
    step = max(1, -(-len(rows) // COLUMNS))
    columns = [_mean(rows[at : at + step]) for at in range(0, len(rows), step)]
    edges = [_x(night, min(at * step, len(rows)) * night.seconds) for at in range(len(columns) + 1)]
    for known, first, count in nights.runs([column is not None for column in columns]):
        if not known:
            continue
        part, below = columns[first : first + count], [0.0] * count
        for index, stage in enumerate(nights.STAGES):
            above = [low + column[index] for low, column in zip(below, part, strict=True)]
            outline = _outline(edges[first : first + count + 1], below, above, top, height)
            yield f'<path d="{outline}" fill="{COLOURS[stage]}"/>'
            below = above
    yield _text(LEFT - 14, top + 22, "1", anchor="end")
    yield _text(LEFT - 14, top + height, "0", anchor="end")
    yield from _key(top)


def _key(top: float) -> Iterator[str]:
    x = WIDTH - RIGHT
    for stage in reversed(nights.STAGES):
        yield _text(x, top - 14, stage, anchor="end")
        x -= 16 * len(stage) + 40
        yield f'<rect x="{x}" y="{top - 34}" width="20" height="20" fill="{COLOURS[stage]}"/>'
        x -= 24


def _mean(rows: Sequence[Row]) -> list[float] | None:
    """Return the mean of the rows that are there; ``None`` of none."""
    there = [row for row in rows if row is not None]
    return [sum(values) / len(there) for values in zip(*there, strict=True)] if there else None


def _outline(
    edges: Sequence[float], below: Sequence[float], above: Sequence[float], top: float, height: float
) -> str:
    points = [*_corners(edges, above), *reversed(_corners(edges, below))]
    return "M" + "L".join(f"{x:g} {top + height * (1 - min(1.0, share)):.1f}" for x, share in points) + "Z"


def _corners(edges: Sequence[float], values: Sequence[float]) -> list[tuple[float, float]]:
    return [corner for k, value in enumerate(values) for corner in ((edges[k], value), (edges[k + 1], value))]


def _curve(night: Night, curve: Curve, top: float, height: float) -> Iterator[str]:
    """Yield saturation as the range of each stretch; 90 % is marked."""
    known = [value for value in curve.low if value is not None]
    floor = min(80.0, 5.0 * int(min(known) // 5)) if known else 80.0

    def y(value: float) -> float:
        return round(top + height * (1 - (min(max(value, floor), 100) - floor) / (100 - floor)), 1)

    for level in (100, 90, floor):
        yield _line(LEFT, y(level), LEFT + PLOT, y(level), ORANGE if level == 90 else HAIRLINE, 1.5)
        yield _text(LEFT - 14, y(level) + 9, f"{level:.0f}", anchor="end")
    pieces = []
    for index, (low, high) in enumerate(zip(curve.low, curve.high, strict=True)):
        if low is not None and high is not None and index * curve.step < night.duration:
            x = _x(night, min((index + 0.5) * curve.step, night.duration))
            pieces.append(f"M{x:g} {y(high) - 1.5:.1f}V{y(low) + 1.5:.1f}")
    width = max(1.5, PLOT * curve.step / night.duration)
    yield f'<path d="{"".join(pieces)}" fill="none" stroke="{BLUE}" stroke-width="{width:.2f}"/>'


def _lights(night: Night, tops: Sequence[int], panels: Sequence[Panel], bottom: float) -> Iterator[str]:
    """Yield where the lights went off and on, through every panel, named below the clock."""
    for at, name in ((night.lights_off, OFF), (night.lights_on, ON)):
        if at is None:
            continue
        x = _x(night, min(max(at, 0), night.duration))
        for top, panel in zip(tops, panels, strict=True):
            yield _line(x, top, x, top + panel.height, INK, 2.5, dashed=True)
        yield _text(x, bottom + 72, f"{night.facts.say(name)} {night.clock(at)}", anchor=_anchor(x))


def _anchor(x: float) -> str:
    """Return on which side of a line its name has room."""
    if x < LEFT + PLOT / 8:
        return "start"
    return "end" if x > LEFT + PLOT * 7 / 8 else "middle"


def _band(night: Night, first: int, count: int, top: float, height: float, colour: str) -> str:
    left, right = _x(night, first * night.seconds), _x(night, (first + count) * night.seconds)
    width = max(2.0, right - left)
    return f'<rect x="{left:g}" y="{top:g}" width="{width:.2f}" height="{height:g}" fill="{colour}"/>'


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, stroke: float, *, dashed: bool = False
) -> str:
    dash = ' stroke-dasharray="10 7"' if dashed else ""
    return (
        f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}" '
        f'stroke-width="{stroke:g}"{dash}/>'
    )


def _text(x: float, y: float, said: str, *, anchor: str, bold: bool = False, colour: str = INK) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}"{weight}>{escape(said)}</text>'

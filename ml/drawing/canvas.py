"""Marks, scales and axes in the units of a view box."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from ml.drawing.numbers import coordinate, number

WIDTH, HEIGHT = 420, 360
LEFT, RIGHT, TOP, BOTTOM = 54, 408, 34, 312
NARROW, BROAD = "fijlrt.,’ ", "mw"

Domain = tuple[float, float]

# What a mark looks like without a style sheet; the classes say the same in tokens.
LOOKS = {
    "chart-paper": 'fill="#ffffff"',
    "chart-grid": 'stroke="#d8dfe5" fill="none"',
    "chart-axis": 'stroke="#73818d" fill="none"',
    "chart-model": 'stroke="#0b5cad" stroke-width="2.5" fill="none"',
    "chart-first": 'stroke="#4a5966" stroke-width="1.5" stroke-dasharray="7 4" fill="none"',
    "chart-second": 'stroke="#4a5966" stroke-width="1.5" stroke-dasharray="2 3" fill="none"',
    "chart-band": 'fill="#0b5cad" fill-opacity="0.15" stroke="none"',
    "chart-bin": 'fill="#16212b" stroke="#16212b" stroke-width="1.5"',
    "chart-point": 'fill="#d96300" stroke="#ffffff" stroke-width="1.5"',
    "chart-event": 'fill="#d96300"',
    "chart-other": 'fill="#73818d"',
    "chart-right": 'fill="#e6f0fa" stroke="#73818d"',
    "chart-wrong": 'fill="#fdf1e6" stroke="#73818d"',
    "chart-text": 'fill="#4a5966" font-size="12"',
    "chart-name": 'fill="#16212b" font-size="13"',
    "chart-count": 'fill="#16212b" font-size="22" font-weight="600"',
}


@dataclass
class Canvas:
    """Marks in the units of the view box."""

    language: str
    marks: list[str] = field(default_factory=list)

    def mark(self, tag: str, look: str, **attributes: float | str) -> None:
        said = " ".join(f'{key}="{coordinate(value)}"' for key, value in attributes.items())
        self.marks.append(f'<{tag} class="{look}" {said} {LOOKS[look]}/>')

    def text(
        self,
        words: str,
        x: float,
        y: float,
        *,
        anchor: str = "start",
        look: str = "chart-text",
        turn: str = "",
    ) -> None:
        turned = f' transform="{turn}"' if turn else ""
        self.marks.append(
            f'<text class="{look}" x="{coordinate(x)}" y="{coordinate(y)}" text-anchor="{anchor}"{turned} '
            f"{LOOKS[look]}>{escape(words)}</text>"
        )

    def legend(self, *entries: tuple[str, str]) -> None:
        """Name the marks in one line above the drawing."""
        x = 4.0
        for look, words in entries:
            if look in ("chart-point", "chart-bin"):
                self.mark("circle", look, cx=x + 6, cy=14, r=5 if look == "chart-point" else 4)
                x += 16
            else:
                self.mark("line", look, x1=x, y1=14, x2=x + 22, y2=14)
                x += 27
            self.text(words, x, 18)
            x += text_width(words) + 11


@dataclass(frozen=True)
class Frame:
    """Two scales over a canvas."""

    canvas: Canvas
    x: Domain
    y: Domain
    bottom: float = BOTTOM

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a value, kept within the frame."""
        across = min(1.0, max(0.0, (x - self.x[0]) / (self.x[1] - self.x[0])))
        up = min(1.0, max(0.0, (y - self.y[0]) / (self.y[1] - self.y[0])))
        return LEFT + across * (RIGHT - LEFT), self.bottom - up * (self.bottom - TOP)

    def axes(
        self,
        x_label: str,
        y_label: str,
        *,
        x_factor: float = 100,
        y_factor: float = 100,
        numbers_at: float = BOTTOM,
        x_whole: bool = False,
        x_words: Sequence[tuple[float, str]] | None = None,
    ) -> None:
        """Draw grid, numbers and labels.

        Parameters
        ----------
        numbers_at
            Height under which x is written.
        x_whole
            Whether x counts something: no fractions are written.
        x_words
            What is written under x, and where, in place of numbers.
        """
        language = self.canvas.language
        if x_words is None:
            x_words = _ticks(self.x, x_factor, language, whole=x_whole)
        for value, words in x_words:
            x, _ = self.at(value, self.y[0])
            self.canvas.mark("line", "chart-grid", x1=x, y1=TOP, x2=x, y2=self.bottom)
            inside = min(x, WIDTH - text_width(words) / 2)  # the last one may be as wide as a date
            self.canvas.text(words, inside, numbers_at + 17, anchor="middle")
        for value, words in _ticks(self.y, y_factor, language):
            _, y = self.at(self.x[0], value)
            self.canvas.mark("line", "chart-grid", x1=LEFT, y1=y, x2=RIGHT, y2=y)
            self.canvas.text(words, LEFT - 6, y + 4, anchor="end")
        self.canvas.mark("line", "chart-axis", x1=LEFT, y1=self.bottom, x2=RIGHT, y2=self.bottom)
        middle = (TOP + self.bottom) / 2
        self.canvas.text(x_label, (LEFT + RIGHT) / 2, HEIGHT - 10, anchor="middle", look="chart-name")
        turn = f"rotate(-90 13 {coordinate(middle)})"
        self.canvas.text(y_label, 13, middle, anchor="middle", look="chart-name", turn=turn)

    def line(self, xs: Iterable[float], ys: Iterable[float], look: str) -> None:
        """Draw a curve."""
        self.canvas.mark("path", look, d="M" + "L".join(self._places(xs, ys)))

    def band(self, xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
        """Fill between two curves."""
        outline = [*self._places(xs, high), *self._places(xs[::-1], low[::-1])]
        self.canvas.mark("path", "chart-band", d="M" + "L".join(outline) + "Z")

    def point(self, x: float, y: float) -> None:
        """Mark the operating point."""
        cx, cy = self.at(x, y)
        self.canvas.mark("circle", "chart-point", cx=cx, cy=cy, r=5.5)

    def _places(self, xs: Iterable[float], ys: Iterable[float]) -> list[str]:
        places = (self.at(x, y) for x, y in zip(xs, ys, strict=True))
        return [f"{coordinate(x)} {coordinate(y)}" for x, y in places]


def _ticks(domain: Domain, factor: float, language: str, *, whole: bool = False) -> list[tuple[float, str]]:
    """Return about five round values of a scale, with how they are written."""
    low, high = domain[0] * factor, domain[1] * factor
    step = math.ceil(_step(high - low)) if whole else _step(high - low)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if step * 10**decimals % 1 > 1e-6:
        decimals += 1  # a step of 2.5 or 0.25
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [(n * step / factor, number(n * step, decimals, language)) for n in range(first, last + 1)]


def _step(span: float) -> float:
    """Return the round number (1, 2, 2.5 or 5 times a power of ten) nearest above a fifth of a span."""
    power = 10 ** math.floor(math.log10(span / 5))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= span / 5 - 1e-12)


def round_up(value: float, top: float = 1.0) -> float:
    step = _step(value)
    return min(top, math.ceil(value / step - 1e-9) * step)


def text_width(words: str) -> float:
    """Return about how wide a text of the size used is; a legend needs no more."""
    return sum(4 if one in NARROW else 10.5 if one in BROAD else 6.9 for one in words)

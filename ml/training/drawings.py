"""What a package shows, kept with the run that made it: curves, comparisons, figures with intervals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import mlflow

from ml import drawing
from ml.contracts import LANGUAGES
from ml.drawing.canvas import LOOKS
from ml.drawing.numbers import short
from ml.package import Metric, Package
from ml.training import comparison, curves

FIGURES = "figures"
LINE, MARGIN, NAMES, SCALE, NUMBERS = 18, 34, 300, 300, 190
LONGEST_NAME = 60


def log_drawings(run_id: str, package: Package) -> None:
    """Keep the curves and comparisons of a package, as far as it has them, and its figures with a run."""
    files = package.manifest["files"]
    if comparison.FILE in files:
        mlflow.log_dict(package.json(comparison.FILE), comparison.FILE, run_id=run_id)
    if curves.FILE in files:
        log_curves(run_id, package.json(curves.FILE))
    for data, metrics in by_data(package.metrics).items():
        mlflow.log_text(figures_svg(data, metrics), f"{FIGURES}/{slug(data)}.svg", run_id=run_id)


def log_curves(run_id: str, found: Mapping[str, Any], name: str = "curves") -> None:
    """Keep curves as made by ``ml.training.curves.curves``, and their drawings in both languages."""
    mlflow.log_dict(dict(found), f"{name}/{curves.FILE}", run_id=run_id)
    for kind in drawing.kinds(found):
        for language in LANGUAGES:
            drawn = drawing.svg(kind, found, language)
            mlflow.log_text(drawn, f"{name}/{kind}.{language}.svg", run_id=run_id)


def by_data(metrics: Iterable[Metric]) -> dict[str, list[Metric]]:
    """Return figures by the data they were computed on, in order."""
    found: dict[str, list[Metric]] = {}
    for metric in metrics:
        found.setdefault(metric.data, []).append(metric)
    return found


def slug(words: str) -> str:
    """Return words as a part of a name: lower case, letters and digits, underscores between; whole words."""
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    if len(name) <= LONGEST_NAME:
        return name
    # With the letter after it, so that a word that ends just there is kept.
    return name[: LONGEST_NAME + 1].rpartition("_")[0] or name[:LONGEST_NAME]


def figures_svg(data: str, metrics: list[Metric]) -> str:
    """Return figures on one data set with their 95 % intervals, one line each, on a common scale."""
    ends = [end for m in metrics for end in (m.value, m.low, m.high) if end is not None]
    low, high = min(0.0, *ends), max(1.0, *ends)
    width, height = NAMES + SCALE + NUMBERS, MARGIN + LINE * len(metrics) + LINE

    def x(value: float) -> float:
        return NAMES + SCALE * (value - low) / (high - low)

    marks = [_text(escape(data), 8, 20, "chart-name")]
    for end in sorted({low, 0.0, 1.0, high}):
        marks.append(_line(x(end), MARGIN, x(end), height - LINE, "chart-grid"))
        marks.append(_text(short(end, "en"), x(end), height - 5, "chart-text", "middle"))
    for place, metric in enumerate(metrics):
        y = MARGIN + LINE * (place + 0.5)
        marks += _figure(metric, y, x)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="{drawing.FONT}"><title>{escape(data)}</title>'
        f'<rect width="{width}" height="{height}" {LOOKS["chart-paper"]}/>{"".join(marks)}</svg>'
    )


def _figure(metric: Metric, y: float, x: Callable[[float], float]) -> list[str]:
    said = f"{metric.value:.3f}"
    marks = [_text(escape(metric.name), NAMES - 8, y + 4, "chart-text", "end")]
    if metric.low is not None and metric.high is not None:
        marks.append(_line(x(metric.low), y, x(metric.high), y, "chart-model"))
        said += f" ({metric.low:.3f} to {metric.high:.3f})"
    marks.append(f'<circle cx="{x(metric.value):.1f}" cy="{y}" r="4" {LOOKS["chart-bin"]}/>')
    marks.append(_text(said, NAMES + SCALE + 10, y + 4, "chart-text"))
    return marks


def _line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {LOOKS[look]}/>'


def _text(words: str, x: float, y: float, look: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {LOOKS[look]}>{words}</text>'

"""What the pages show of reports: rows, drawings and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.accounts.models import Unit
from clinic.templatetags.vigie import day, figure, percent
from ml import drawing, registry
from ml.contracts import Contract, Text
from ml.drawing.monitoring import Part, Point
from predictions.models import JobState
from predictions.monitoring import selectors, windows
from predictions.monitoring.models import Alert, Report
from predictions.monitoring.windows import Progress

MOST_POINTS = 24
TWO = 2
MOVED, CALIBRATION = "moved", "calibration"
BARS = {CALIBRATION: (0.0,)}
ORDER = {"raised": 0, "between": 1, "quiet": 2, "unknown": 3}


@dataclass(frozen=True, slots=True)
class Standing:
    """One algorithm in one unit, as the list shows it."""

    contract: Contract
    unit: Unit
    latest: Report | None
    open: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of a report with its drawing."""

    row: Mapping[str, Any]
    label: str
    level: str
    parts: tuple[Part, ...]
    svg: SafeString | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawing of how something went, and its caption."""

    title: str
    svg: SafeString
    caption: str


def standings() -> list[Standing]:
    """Return every algorithm and unit with studies, with its latest window and its open alerts."""
    found = []
    for algorithm, unit in windows.pairs():
        done = selectors.reports(algorithm, unit.code).filter(asked_by=None, state=JobState.DONE)
        waiting = Alert.objects.filter(algorithm=algorithm, unit=unit, closed_at=None).count()
        latest = done.order_by("-last_day").first()
        contract = registry.contract(algorithm)
        found.append(Standing(contract, unit, latest, waiting, windows.progress(algorithm, unit)))
    return found


def fields(report: Report) -> list[Shown]:
    """Return the fields of a report, what moved first, each with its drawing."""
    found = [_shown(row) for row in (report.content or {}).get("fields", ())]
    return sorted(found, key=lambda one: ORDER[one.level])


def histories(done: Sequence[Report]) -> list[Drawn]:
    """Return how moved fields, expected performance and calibration went over the windows of every day.

    Parameters
    ----------
    done
        In the order of time.
    """
    latest = done[-MOST_POINTS:]
    counts = [sum(field["level"] == "raised" for field in one.content["fields"]) for one in latest]
    moved = [Point(float(count)) for count in counts]
    drawn = [_history(MOVED, _("Fields that stand out"), moved)] if len(moved) > 1 else []
    for measure, title in (
        ("roc_auc", _("Expected area under the curve")),
        ("agreement", _("Expected agreement of epochs")),
    ):
        points = [_point((one.content["performance"] or {}).get(measure)) for one in latest]
        drawn += _if_two(measure, title, points)
    shifts = [_point((one.content["calibration"] or {}).get("shift")) for one in latest]
    return drawn + _if_two(CALIBRATION, _("Calibration in the large (0 is right)"), shifts)


def _if_two(name: str, title: str, points: Sequence[Point | None]) -> list[Drawn]:
    known = [point for point in points if point is not None]
    return [_history(name, title, known)] if len(known) > 1 else []


def _history(name: str, title: str, points: Sequence[Point]) -> Drawn:
    language = get_language() or "en"
    digits = 0 if name == MOVED else 3
    said = _("%(n)s windows; the latest: %(value)s.") % {
        "n": len(points),
        "value": figure(points[-1].value, digits),
    }
    # Made of numbers and escaped words only.
    named = name.replace("_", "-")
    svg = drawing.history(
        named, title, said, points, language, bars=BARS.get(name, ()), counted=name == MOVED
    )
    return Drawn(title, mark_safe(svg), said)  # noqa: S308


def _point(held: Mapping[str, float] | None) -> Point | None:
    return Point(held["value"], held["low"], held["high"]) if held else None


def _shown(row: Mapping[str, Any]) -> Shown:
    language = get_language() or "en"
    label = Text.from_json(row["label"]).to(language)
    parts = tuple(
        Part(Text.from_json(one["label"]).to(language), one["reference"], one["window"])
        for one in row["shown"] or ()
    )
    level = min((row["level"], row["missing_level"]), key=ORDER.__getitem__)
    filled = [part for part in parts if part.reference != 0 or part.window != 0]
    if len(filled) < TWO:
        # One and the same value everywhere: nothing to draw.
        return Shown(row, label, level, (), None)
    said = "; ".join(f"{part.label}: {_share(part.reference)} / {_share(part.window)}" for part in parts)
    svg = drawing.spread(row["name"].replace("_", "-"), label, said, parts, language)
    # Made of numbers and escaped words only.
    return Shown(row, label, level, parts, mark_safe(svg))  # noqa: S308


def _share(share: float | None) -> str:
    return "< 5" if share is None else f"{percent(share)} %"


def reference_of(row: Any) -> str:
    """Say what windows are held against."""
    if row.reference_first is None:
        return _("the data of the training")
    return _("studies of the unit, %(first)s to %(last)s") % {
        "first": day(row.reference_first),
        "last": day(row.reference_last),
    }

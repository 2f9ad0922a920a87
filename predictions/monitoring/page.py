"""What the pages show of reports: rows, drawings and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from clinic.accounts.models import Unit
from clinic.templatetags.vigie import day, figure, percent
from ml import drawing, registry
from ml.contracts import Contract, Text
from ml.drawing.monitoring import Part, Point
from ml.monitoring import wording
from predictions.models import JobState
from predictions.monitoring import selectors, windows
from predictions.monitoring.gaps import Gap, unwatched
from predictions.monitoring.models import Alert, Report
from predictions.monitoring.windows import Progress

MOST_POINTS = 24
TWO = 2
MOVED, CALIBRATION = "moved", "calibration"
BY_NIGHT = "sleep"
BARS = {CALIBRATION: (0.0,)}
RAISED, QUIET, UNKNOWN = "raised", "quiet", "unknown"
ORDER = {RAISED: 0, "between": 1, QUIET: 2, UNKNOWN: 3}


@dataclass(frozen=True, slots=True)
class Standing:
    """One algorithm in one unit, as the list shows it."""

    contract: Contract
    unit: Unit
    latest: Report | None
    lost: Report | None
    gaps: Sequence[Gap]
    new: int
    acknowledged: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Shown:
    """One field of a report with its drawing."""

    row: Mapping[str, Any]
    label: str
    unit: str
    level: str
    parts: tuple[Part, ...]
    svg: SafeString | None
    how: tuple[str, ...] = ()


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
        alerts = Alert.objects.filter(algorithm=algorithm, unit=unit, closed_at=None)
        new = alerts.filter(acknowledged_at=None).count()
        found.append(
            Standing(
                registry.contract(algorithm),
                unit,
                latest=done.order_by("-last_day").first(),
                lost=windows.stopped(algorithm, unit),
                gaps=unwatched(algorithm, unit),
                new=new,
                acknowledged=alerts.count() - new,
                progress=windows.progress(algorithm, unit),
            )
        )
    return found


def fields(report: Report) -> list[Shown]:
    """Return the fields of a report, what moved first, each with its drawing."""
    found = [_shown(row) for row in (report.content or {}).get("fields", ())]
    return sorted(found, key=lambda one: ORDER[one.level])


def moved(report: Report) -> list[str]:
    """Return what stands out in a report: fields, expected performance, calibration."""
    content = report.content
    found = [one.label for one in fields(report) if one.level == RAISED]
    for name, label in (("performance", _("Expected performance")), (CALIBRATION, _("Calibration"))):
        if (content[name] or {}).get("level") == RAISED:
            found.append(label)
    return found


def histories(done: Sequence[Report]) -> list[Drawn]:
    """Return how moved fields, expected performance and calibration went over the windows of every day.

    Parameters
    ----------
    done
        In the order of time.
    """
    latest = done[-MOST_POINTS:]
    days = [day(one.last_day) for one in latest]
    counts = [Point(float(len(moved(one)))) for one in latest]
    drawn = _if_two(MOVED, _("What stands out"), counts, days)
    for measure, title in (
        ("roc_auc", _("Expected area under the curve")),
        ("agreement", _("Expected agreement of epochs")),
    ):
        points = [_point((one.content["performance"] or {}).get(measure)) for one in latest]
        drawn += _if_two(measure, title, points, days)
    shifts = [_point((one.content["calibration"] or {}).get("shift")) for one in latest]
    title = calibration_label(latest[0].algorithm) if latest else ""
    return drawn + _if_two(CALIBRATION, _("%(what)s (0 is right)") % {"what": title}, shifts, days)


def calibration_label(algorithm: str) -> str:
    """Say what calibration of an algorithm is counted in."""
    return _("Agreement less expected, share") if algorithm == BY_NIGHT else _("Calibration, log odds")


def expected_label(algorithm: str) -> str:
    """Say what is expected of the performance of an algorithm."""
    return _("Expected agreement") if algorithm == BY_NIGHT else _("Expected AUC")


def _if_two(name: str, title: str, points: Sequence[Point | None], days: Sequence[str]) -> list[Drawn]:
    known = [point for point in points if point is not None]
    return [_history(name, title, points, days)] if len(known) > 1 else []


def _history(name: str, title: str, points: Sequence[Point | None], days: Sequence[str]) -> Drawn:
    language = get_language() or "en"
    digits, last, without = 0 if name == MOVED else 3, points[-1], points.count(None)
    said = _("%(n)s windows; the latest: %(value)s.") % {
        "n": len(points),
        "value": figure(last.value, digits) if last else "–",
    }
    if without:
        words = ngettext("%(n)s of them has no figure.", "%(n)s of them have no figure.", without)
        said = f"{said} {words % {'n': without}}"
    # Made of numbers and escaped words only.
    named = name.replace("_", "-")
    svg = drawing.history(
        named, title, said, points, days, language, bars=BARS.get(name, ()), counted=name == MOVED
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
    level, unit = _level(row), _("years") if row["unit"] == "y" else row["unit"]
    filled = [part for part in parts if part.reference != 0 or part.window != 0]
    if len(filled) < TWO:
        # One and the same value everywhere: nothing to draw.
        return Shown(row, label, unit, level, (), None, _how(row, language))
    said = "; ".join(f"{part.label}: {_share(part.reference)} / {_share(part.window)}" for part in parts)
    heading = f"{label} ({unit})" if unit else label
    svg = drawing.spread(row["name"].replace("_", "-"), heading, said, parts, language, unit=unit)
    # Made of numbers and escaped words only.
    return Shown(row, label, unit, level, parts, mark_safe(svg), _how(row, language))  # noqa: S308


def _how(row: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """Say of what moved where to: its values, how often it is given, or both."""
    said = [wording.direction(row).to(language)] if row["level"] == RAISED else []
    if row["missing_level"] == RAISED and row.get("missing_more") is not None:
        said.append(_("not given more often") if row["missing_more"] else _("not given less often"))
    return tuple(said)


def _level(row: Mapping[str, Any]) -> str:
    """Return what stands out more; as often missing as before says nothing of values that nobody compared."""
    if row["level"] == UNKNOWN and row["missing_level"] == QUIET:
        return UNKNOWN
    return min((row["level"], row["missing_level"]), key=ORDER.__getitem__)


def _share(share: float | None) -> str:
    return _("held back") if share is None else f"{percent(share)} %"


def reference_of(row: Any) -> str:
    """Say what windows are held against."""
    if row.reference_first is None:
        return _("the data of the training")
    return _("studies of the unit, %(first)s to %(last)s") % {
        "first": day(row.reference_first),
        "last": day(row.reference_last),
    }

"""A window of studies held against a reference: every field, the answers, the outcomes, and what to alarm on.

A patient counts once on each side. What comes out names no study, and of no field a part that holds fewer
than five patients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ml.contracts import Problem, Refused, Text
from ml.monitoring import shown
from ml.monitoring.drift import (
    Sample,
    Shift,
    TooFew,
    benjamini_hochberg,
    categories,
    category_shift,
    missing_shift,
    numbers,
    numeric_shift,
)
from ml.monitoring.hysteresis import BACK, MOVED, Level
from ml.monitoring.performance import (
    Calibration,
    Expected,
    Figure,
    agreement_in_the_large,
    calibration_in_the_large,
    cbpe,
    difference_p,
)
from ml.monitoring.watched import Row, Score, Watched

LEAST_PATIENTS = 30
"""Of a window and of a reference; and of values on either side before a field is compared."""
LEAST_EVENTS = 5
"""Expected events, and others, among the studies with an outcome."""

DISCOVERY, QUIET_DISCOVERY = 0.05, 0.2
CERTAIN, DOUBTFUL = 0.01, 0.1
"""p values of performance and calibration."""
WORSE = 0.05
"""Loss of expected area under the curve, or of expected agreement."""
OFF_ODDS, OFF_SHARE = 0.3, 0.05
"""Shift of the log odds (odds a third higher or a quarter lower), and of a share of epochs."""

TOO_FEW = Problem(
    "too_few_studies",
    Text(
        "There are fewer than {least} patients with an answered or refused study in {what}: nothing can be "
        "said of so few, and nobody must be singled out. Choose more days.",
        "Il y a moins de {least} patients avec une étude répondue ou refusée dans {what} : rien ne peut être "
        "dit de si peu de personnes, et personne ne doit être reconnaissable. Choisissez plus de jours.",
    ),
)
WINDOW, REFERENCE = Text("the window", "la fenêtre"), Text("the reference", "la référence")


@dataclass(frozen=True)
class Group:
    """Studies as they are compared: of each patient one, as several say much the same.

    Parameters
    ----------
    n
        Patients; of public data its cases, each of which counts as one.
    inputs, outputs
        Samples by name; outputs only of studies that ``sha256`` answered.
    studies
        How many there are, those that are left out included; 0 where nobody counted.
    scores
        What that version said, one by one; empty where only ``performance`` is kept.
    performance
        Expected performance of a stored baseline.
    complete
        Whether what is missing in it says something; of public data it does not.
    """

    n: int
    inputs: Mapping[str, Sample]
    outputs: Mapping[str, Sample] = field(default_factory=dict)
    scores: Sequence[Score] = ()
    version: str = ""
    sha256: str = ""
    performance: Mapping[str, Any] | None = None
    complete: bool = True
    studies: int = 0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of studies whose outcome was signed: what was said of them, and what it was."""

    expected: Sequence[float] = ()
    observed: Sequence[float] = ()
    by_study: bool = False


def stored(held: Mapping[str, Any]) -> Group:
    """Return a baseline as what a window is held against."""
    return Group(
        n=held["n"],
        inputs={name: Sample.from_json(sample) for name, sample in held["inputs"].items()},
        outputs={name: Sample.from_json(sample) for name, sample in held["outputs"].items()},
        version=held["version"],
        sha256=held["package_sha256"],
        performance=held["performance"],
        complete=False,
    )


def samples(watched: Sequence[Watched], rows: Sequence[Row], *, output: bool) -> dict[str, Sample]:
    """Return the samples of the inputs, or of the outputs, of some rows."""
    found = {}
    for one in watched:
        if one.output is output:
            values = [row.get(one.name) for row in rows]
            found[one.name] = numbers(values) if one.numeric else categories(values)
    return found


def assemble(
    watched: Sequence[Watched], reference: Group, window: Group, outcomes: Outcomes
) -> dict[str, Any]:
    """Hold a window against a reference.

    Returns
    -------
    dict
        ``n``, ``reference_n``, ``version``, ``fields`` (one per watched value), ``performance``,
        ``calibration`` (``None`` where nothing can be said) and ``signals``, a level by key.

    Raises
    ------
    ml.contracts.Refused
        When either side has fewer than :data:`LEAST_PATIENTS`.
    """
    for group, what in ((window, WINDOW), (reference, REFERENCE)):
        if group.n < LEAST_PATIENTS:
            raise Refused(too_few(what))
    fields = _fields(watched, reference, window)
    performance = _performance(reference, window)
    calibration = _calibration(outcomes)
    signals = {f"drift:{one['name']}": one["level"] for one in fields}
    signals |= {f"missing:{one['name']}": one["missing_level"] for one in fields}
    signals["performance"] = performance["level"] if performance else Level.UNKNOWN
    signals["calibration"] = calibration["level"] if calibration else Level.UNKNOWN
    return {
        "n": window.n,
        "studies": window.studies or window.n,
        "reference_n": reference.n,
        "reference_studies": reference.studies or reference.n,
        "version": window.version,
        "sha256": window.sha256,
        "same_version": reference.sha256 == window.sha256,
        "fields": fields,
        "performance": performance,
        "calibration": calibration,
        "signals": {key: str(level) for key, level in signals.items()},
    }


def too_few(what: Text) -> Problem:
    """Say that ``what`` has too few studies."""
    en, fr = (TOO_FEW.message.to(to).format(least=LEAST_PATIENTS, what=what.to(to)) for to in ("en", "fr"))
    return Problem(TOO_FEW.code, Text(en, fr))


def level_of(effect: float, p: float, bars: tuple[float, float], chances: tuple[float, float]) -> Level:
    """Return the level of something with an effect and a p value: both must stand out, either may be quiet.

    Parameters
    ----------
    bars
        Effect from which it is raised, and below which it is quiet.
    chances
        p value up to which it is raised, and above which it is quiet.
    """
    if effect >= bars[0] and p <= chances[0]:
        return Level.RAISED
    return Level.QUIET if effect < bars[1] or p > chances[1] else Level.BETWEEN


def _fields(watched: Sequence[Watched], reference: Group, window: Group) -> list[dict[str, Any]]:
    compared = [(one, *_sides(one, reference, window)) for one in watched]
    moved = [_shift(one, before, now) for one, before, now in compared]
    lost = [_missing(before, now) if reference.complete else None for _, before, now in compared]
    # One family: every test made of this window counts, whether of values or of their absence.
    tested = [shift for shift in (*moved, *lost) if shift is not None]
    adjusted = iter(benjamini_hochberg([shift.p_value for shift in tested]))
    p_moved = [None if shift is None else float(next(adjusted)) for shift in moved]
    p_lost = [None if shift is None else float(next(adjusted)) for shift in lost]
    return [
        _row(one, before, now, (shift, p), (gone, p_gone))
        for (one, before, now), shift, p, gone, p_gone in zip(
            compared, moved, p_moved, lost, p_lost, strict=True
        )
    ]


def _sides(one: Watched, reference: Group, window: Group) -> tuple[Sample | None, Sample | None]:
    if one.output:
        if reference.sha256 != window.sha256:
            return None, window.outputs.get(one.name)
        return reference.outputs.get(one.name), window.outputs.get(one.name)
    return reference.inputs.get(one.name), window.inputs.get(one.name)


def _shift(one: Watched, before: Sample | None, now: Sample | None) -> Shift | None:
    if before is None or now is None or min(before.given, now.given) < LEAST_PATIENTS:
        return None
    try:
        return numeric_shift(before, now) if one.numeric else category_shift(before, now)
    except TooFew:
        return None


def _missing(before: Sample | None, now: Sample | None) -> Shift | None:
    """Compare how often it is given, where either side lacks it sometimes."""
    if before is None or now is None or min(before.n, now.n) < LEAST_PATIENTS:
        return None
    return missing_shift(before, now) if before.missing or now.missing else None


def _row(
    one: Watched,
    before: Sample | None,
    now: Sample | None,
    moved: tuple[Shift | None, float | None],
    lost: tuple[Shift | None, float | None],
) -> dict[str, Any]:
    shift, p = moved
    return {
        "name": one.name,
        "label": one.label.as_json(),
        "unit": one.unit,
        "numeric": one.numeric,
        "output": one.output,
        "n": now.n if now else 0,
        "missing_share": shown.missing(now),
        "reference_missing_share": shown.missing(before),
        "psi": shift.psi if shift else None,
        "psi_excess": shift.excess if shift else None,
        "statistic": shift.statistic if shift else None,
        "p_value": shift.p_value if shift else None,
        "p_adjusted": p,
        "level": str(_level(shift, p)),
        "higher": shift.higher if shift else None,
        "missing_psi_excess": lost[0].excess if lost[0] else None,
        "missing_p_adjusted": lost[1],
        "missing_more": _misses_more(before, now) if lost[0] and before and now else None,
        "missing_level": str(_level(*lost)),
        "shown": shown.shares(one, before, now) if shift and before and now else None,
    }


def _misses_more(before: Sample, now: Sample) -> bool:
    return now.missing / now.n > before.missing / before.n


def _level(shift: Shift | None, p: float | None) -> Level:
    if shift is None or p is None:
        return Level.UNKNOWN
    return level_of(shift.excess, p, (MOVED, BACK), (DISCOVERY, QUIET_DISCOVERY))


def expected_of(scores: Sequence[Score]) -> dict[str, Any] | None:
    """Return what performance comes to by the probabilities alone; ``None`` with too few of them."""
    if len(scores) < LEAST_PATIENTS:
        return None
    p = np.array([score.expected for score in scores])
    if any(score.flagged is None for score in scores):
        error = float(p.std(ddof=1) / np.sqrt(len(p)))
        mean = Figure(float(p.mean()), float(p.mean() - 1.96 * error), float(p.mean() + 1.96 * error))
        return {"n": len(p), "agreement": asdict(mean), "error": error}
    return _binary(cbpe(p, np.array([score.flagged for score in scores])))


def _binary(expected: Expected) -> dict[str, Any]:
    held = asdict(expected)
    held["error"] = held.pop("auc_error")
    return held


def _performance(reference: Group, window: Group) -> dict[str, Any] | None:
    now = expected_of(window.scores)
    if now is None:
        return None
    same = reference.sha256 == window.sha256
    before = (reference.performance or expected_of(reference.scores)) if same else None
    measure = "agreement" if "agreement" in now else "roc_auc"
    if before is None or not now.get(measure) or not before.get(measure):
        return now | {"measure": measure, "reference": None, "level": str(Level.UNKNOWN)}
    first, second = before[measure]["value"], now[measure]["value"]
    p = difference_p(first, before["error"], second, now["error"])
    level = level_of(first - second, p, (WORSE, WORSE / 2), (CERTAIN, DOUBTFUL))
    compared = {"measure": measure, "reference": before, "loss": first - second, "p_value": p}
    return now | compared | {"level": str(level)}


def _calibration(outcomes: Outcomes) -> dict[str, Any] | None:
    n, expected = len(outcomes.expected), float(np.sum(outcomes.expected))
    if n < LEAST_PATIENTS:
        return None
    if not outcomes.by_study and min(expected, n - expected) < LEAST_EVENTS:
        return None
    found = (agreement_in_the_large if outcomes.by_study else calibration_in_the_large)(
        np.array(outcomes.expected), np.array(outcomes.observed)
    )
    return _as_json(found, OFF_SHARE if outcomes.by_study else OFF_ODDS) | {"by_study": outcomes.by_study}


def _as_json(found: Calibration, bar: float) -> dict[str, Any]:
    level = level_of(abs(found.shift.value), found.p_value, (bar, bar / 2), (CERTAIN, DOUBTFUL))
    return asdict(found) | {"level": str(level)}

"""The figure: risk, interval, operating point and the published rule class beside it."""

from __future__ import annotations

import math
from typing import Any

from ml.algorithms.haemorrhage import contract, model, modifiable, operating, uncertainty
from ml.algorithms.haemorrhage.load import Admission
from ml.algorithms.haemorrhage.rule_class import rule_class
from ml.contracts import Loaded
from ml.package import Package

# Above, whole numbers are too coarse: 1 in 3 is not 38 in 100.
MOST_ONE_IN = 0.2


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Return the assessment of one admission, ready for JSON.

    Unknown factors are averaged over their distribution among women, never taken as "no": exactly for
    the risk, by the package's draws for the interval.

    Returns
    -------
    dict
        ``risk`` and ``interval`` (0–1, 95 %), ``incidence``; ``per_100`` (the same rounded for
        words; ``one_in`` and ``ward_one_in`` say the same as one woman in so many, two digits, ``None``
        where that says nothing); ``known`` [answered, asked], ``unknown`` (field names), ``unknown_widening``
        (``factor``: how many times wider on the log odds scale, ``interval_coefficients_only``);
        ``rule_class``; ``threshold``, ``flagged``, ``operating_point`` (model-implied),
        ``disagreement`` ("", "rule_only", "model_only"); ``workloads`` (operating points, the ward's own
        first, each with ``flagged``), ``as_high_share`` (of the ward's women, how many have this risk or
        a higher one), ``decision_curve``; ``changeable`` (fields whose answer may still change);
        ``age``, ``bmi``; ``warnings``.
    """
    admission: Admission = loaded.data
    coefficients = model.of(package)
    risk = coefficients.spectrum(admission.allowed).mean_risk(coefficients.intercept(admission.incidence))
    spread = uncertainty.uncertainty(
        coefficients,
        uncertainty.of(package),
        coefficients.strata(admission.allowed),
        admission.incidence,
        risk,
    )
    ward = operating.of(package, admission.incidence, admission.flag_share)
    point = ward.points[0]
    rule = rule_class(admission.typed)
    flagged = risk >= point.threshold
    return {
        "risk": risk,
        "interval": list(spread.interval),
        "incidence": admission.incidence,
        "per_100": {
            "risk": per_100(risk),
            "low": per_100(spread.interval[0]),
            "high": per_100(spread.interval[1]),
            "ward": round(100 * admission.incidence, 1),
            "one_in": one_in(risk),
            "ward_one_in": one_in(admission.incidence),
        },
        "known": list(admission.known),
        "unknown": list(admission.unknown),
        "unknown_widening": {
            "factor": spread.widening,
            "interval_coefficients_only": list(spread.coefficients_only),
        },
        "rule_class": rule,
        "threshold": point.threshold,
        "flagged": flagged,
        "operating_point": point.as_json(),
        "workloads": [{**p.as_json(), "flagged": risk >= p.threshold} for p in ward.points],
        "as_high_share": operating.as_high(coefficients, admission.incidence, risk),
        "decision_curve": list(ward.curve),
        "disagreement": _disagreement(rule["class"], flagged),
        "changeable": modifiable.fields(coefficients, admission.typed),
        "age": contract.age(admission.typed),
        "bmi": _rounded(contract.bmi(admission.typed)),
        "warnings": [problem.as_json() for problem in admission.warnings],
    }


def per_100(risk: float) -> int:
    """Return a risk as whole women of 100, halves up; 0 stands for "fewer than 1"."""
    return math.floor(100 * risk + 0.5)


def one_in(risk: float) -> int | None:
    """Return ``n`` for "one woman in n", to two digits, because more would not be true.

    ``None`` above one in five, where whole numbers would mislead.
    """
    if risk > MOST_ONE_IN:
        return None
    n = 1 / risk
    unit = 10 ** max(0, math.floor(math.log10(n)) - 1)
    return unit * math.floor(n / unit + 0.5)


def _disagreement(rule: str, flagged: bool) -> str:
    if rule == "high" and not flagged:
        return "rule_only"
    if rule == "low" and flagged:
        return "model_only"
    return ""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)

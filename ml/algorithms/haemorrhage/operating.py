"""Operating points by workload, and the decision curve, as the model implies them for a ward.

These figures follow from the model and the ward's incidence alone, as if the model were right; they
are no measured performance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ml.algorithms.haemorrhage import model as models
from ml.algorithms.haemorrhage.model import STEP, Model, logit, sigmoid
from ml.package import Package

# Shares of women flagged that every ward sees beside its own.
SHARES = (0.05, 0.10, 0.20)
# The decision curve runs over thresholds of a quarter to five times the ward's incidence.
CURVE_POINTS, CURVE_FROM, CURVE_TO, CURVE_MOST = 20, 0.25, 5.0, 0.5
WARDS_KEPT = 64


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What happens when the women at highest risk are flagged.

    Parameters
    ----------
    flag_share
        Share of women meant to be flagged.
    threshold
        Risk from which a woman is flagged.
    flagged_share
        Share really flagged; differs a little because many women share one risk.
    true_per_100_flagged
        Of 100 flagged women, how many will bleed.
    found_share
        Of the women who will bleed, the share flagged.
    """

    flag_share: float
    threshold: float
    flagged_share: float
    true_per_100_flagged: float
    found_share: float

    def as_json(self) -> dict[str, float]:
        """Return plain numbers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ward:
    """What a model means for one ward, whoever the woman is.

    Parameters
    ----------
    points
        One operating point per workload, the ward's own share first.
    curve
        The decision curve, as :func:`decision_curve` returns it, rounded.
    """

    points: tuple[OperatingPoint, ...]
    curve: tuple[dict[str, float], ...]


_wards: dict[tuple[str, float, float], Ward] = {}


def of(package: Package, incidence: float, flag_share: float) -> Ward:
    """Return workloads and decision curve of a ward; kept per process, because no answer changes them."""
    key = (package.sha256, incidence, flag_share)
    if key not in _wards:
        if len(_wards) >= WARDS_KEPT:
            _wards.clear()
        _wards[key] = ward(models.of(package), incidence, flag_share)
    return _wards[key]


def ward(model: Model, incidence: float, flag_share: float) -> Ward:
    """Return the operating points of the ward's own share and of the usual ones, and the decision curve."""
    shares = [flag_share, *(share for share in SHARES if abs(share - flag_share) > 1e-9)]
    thresholds = np.linspace(
        CURVE_FROM * incidence, min(CURVE_TO * incidence, CURVE_MOST), CURVE_POINTS
    ).tolist()
    return Ward(
        points=tuple(operating_point(model, incidence, share) for share in shares),
        curve=tuple(
            {name: round(value, 6) for name, value in point.items()}
            for point in decision_curve(model, incidence, thresholds)
        ),
    )


def as_high(model: Model, incidence: float, risk: float) -> float:
    """Return the share of the ward's women whose risk is ``risk`` or higher, 0–1."""
    least = logit(risk) - model.intercept(incidence) - STEP / 2
    return min(1.0, float(model.ward.mass[model.ward.value >= least].sum()))


def operating_point(model: Model, incidence: float, flag_share: float) -> OperatingPoint:
    """Return the threshold that flags the ``flag_share`` of women at highest risk.

    Raises
    ------
    ValueError
        When the share is not between 0 and 1.
    """
    if not 0 < flag_share < 1:
        raise ValueError(f"expected a share between 0 and 1, got {flag_share}")
    risk = sigmoid(model.intercept(incidence) + model.ward.value)
    flagged = np.cumsum(model.ward.mass[::-1])[::-1]
    at = int(np.argmin(np.abs(flagged - flag_share)))
    found = float(model.ward.mass[at:] @ risk[at:])
    return OperatingPoint(
        flag_share=float(flag_share),
        threshold=float(risk[at]),
        flagged_share=float(flagged[at]),
        true_per_100_flagged=100 * found / float(flagged[at]),
        found_share=found / _bleeding(model, incidence, risk),
    )


def decision_curve(model: Model, incidence: float, thresholds: Sequence[float]) -> list[dict[str, float]]:
    """Return the net benefit (Vickers 2006) of the model and of flagging everybody, per threshold.

    Flagging nobody has net benefit 0.
    """
    risk = sigmoid(model.intercept(incidence) + model.ward.value)
    everybody = _bleeding(model, incidence, risk)
    curve = []
    for threshold in thresholds:
        odds = threshold / (1 - threshold)
        mass = np.where(risk >= threshold, model.ward.mass, 0)
        found = float(mass @ risk)
        curve.append(
            {
                "threshold": float(threshold),
                "model": found - (float(mass.sum()) - found) * odds,
                "everybody": everybody - (1 - everybody) * odds,
            }
        )
    return curve


def _bleeding(model: Model, incidence: float, risk: np.ndarray) -> float:
    """Return the share of the table's women who will bleed, by the model: the incidence unless it is offset.

    A model learned at a hospital has the incidence for its mean over that hospital's women, not the table's.
    """
    return float(model.ward.mass @ risk) if model.offset else incidence

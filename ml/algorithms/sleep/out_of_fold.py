"""The confidences that the threshold of a night package was chosen on, and the curves of its staging.

Every night is staged by the networks that never met its subject, as ``python -m ml evaluate sleep`` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ml import held_out
from ml.algorithms.sleep import budget, crossvalidation, evaluation
from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.operating import DIGITS
from ml.algorithms.sleep.reviewing import HeldOut as Staged
from ml.contracts import Text
from ml.package import Package
from ml.training.bootstrap import weighted_bootstrap
from ml.training.evaluation import Interval, stage_metrics

COMMAND = "python -m ml held-out sleep --data ../shared/data --publish"
DATA = Text(
    "Sleep-EDF cassette, three channels: each epoch by the networks that never met its subject",
    "Sleep-EDF cassette, trois canaux\u00a0: chaque époque par les réseaux qui n’ont jamais rencontré son "
    "sujet",
)
UNIT = Text("epochs", "époques")
EVERY = (True, True, True)
TENTHS = 10
BARS = 30
DRAWN = np.linspace(0.02, 1, 50)
DECIMALS = 5


def collect(data: Path, package: Package) -> held_out.HeldOut:
    """Stage every night by the networks that have not seen its subject, all channels given.

    Raises
    ------
    ml.training.data.DataMissing
        With what to put where.
    """
    staged = _staged(data, package)
    scale, _ = budget.of_manifest(package.manifest, np.array(EVERY))
    probabilities = budget.calibrated(staged.network, scale)
    right = probabilities.argmax(axis=1) == staged.labels
    confidences = probabilities.max(axis=1).astype(float).round(DIGITS)
    return held_out.HeldOut(
        data=DATA,
        unit=UNIT,
        n=len(right),
        command=COMMAND,
        scores={
            "right": held_out.packed(confidences[right].tolist()),
            "wrong": held_out.packed(confidences[~right].tolist()),
        },
        curves=_rounded(_curves(staged, probabilities, package)),
    )


def _staged(data: Path, package: Package) -> Staged:
    cohort = crossvalidation.read_cohort(data)
    fold = evaluation.folds_of(cohort, package)
    labels, lengths = cohort.labels(), [len(night.labels) for night in cohort.nights]
    scored = labels >= 0
    models = crossvalidation.ByFold(package)
    return Staged(
        labels=labels[scored],
        subjects=cohort.epoch_subjects()[scored],
        nights=np.repeat(np.arange(len(lengths)), lengths)[scored],
        folds=np.repeat(fold, lengths)[scored],
        asleep=np.ones(int(scored.sum()), bool),
        network=crossvalidation.held_out_probabilities(cohort, models, fold, EVERY)[scored],
        trees=None,
        jury=None,
    )


def _curves(staged: Staged, probabilities: np.ndarray, package: Package) -> dict[str, Any]:
    # Confidence is judged by a temperature of the other folds: by its own it would flatter itself.
    sure = staged.cross_calibrated() if "calibration" in package.manifest else staged.network
    agreed = stage_metrics(staged.labels, probabilities.argmax(axis=1), staged.subjects)
    drawn = {
        "n": len(staged.labels),
        "subjects": len(np.unique(staged.subjects)),
        "nights": len(np.unique(staged.nights)),
        "threshold": package.thresholds["confidence"],
        "data": DATA.as_json(),
        "unit": UNIT.as_json(),
        "figures": {
            "kappa": _bounds(agreed["kappa"]),
            "ece": _bounds(evaluation.calibration_error(staged.labels, sure, staged.subjects)),
        },
        "reliability": _reliability(staged, sure),
        "stages": _stages(staged.labels, probabilities),
    }
    review = package.manifest.get("review")
    if review is not None:
        drawn["review"] = review["curves"]["".join(str(int(given)) for given in EVERY)]
    return drawn


def _reliability(staged: Staged, probabilities: np.ndarray) -> dict[str, Any]:
    """Share of epochs staged as the scorer did, in tenths of the confidence; intervals over subjects."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == staged.labels
    names, subject = np.unique(staged.subjects, return_inverse=True)
    edges = np.quantile(confidence, np.linspace(0, 1, TENTHS + 1))
    tenth = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, TENTHS - 1)
    hits, epochs, sums = (np.zeros((len(names), TENTHS)) for _ in range(3))
    for counts, weights in ((hits, right), (epochs, np.ones(len(right))), (sums, confidence)):
        np.add.at(counts, (subject, tenth), weights)

    def shares(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = (weights @ hits) / np.maximum(weights @ epochs, 1)
        return {str(number): found[:, number] for number in range(TENTHS)}

    drawn = weighted_bootstrap(shares, len(names))
    bins = []
    for number in range(TENTHS):
        interval, n = drawn[str(number)], int(epochs[:, number].sum())
        at = float(sums[:, number].sum() / n)
        bins.append({"p": at, "y": interval.value, "n": n, "low": interval.low, "high": interval.high})
    borders = np.linspace(1 / len(STAGES), 1, BARS + 1)
    return {
        "bins": bins,
        "borders": borders,
        "right": np.histogram(confidence[right], borders)[0],
        "wrong": np.histogram(confidence[~right], borders)[0],
    }


def _stages(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Return precision over recall of every stage against all others, and both as it is staged."""
    staged, found = probabilities.argmax(axis=1), {}
    for number, stage in enumerate(STAGES):
        own = labels == number
        hits = np.cumsum(own[np.argsort(-probabilities[:, number], kind="stable")])
        last = np.searchsorted(hits, DRAWN * hits[-1])
        both = float((own & (staged == number)).sum())
        found[stage] = {
            "x": DRAWN,
            "y": hits[last] / (last + 1),
            "point": [both / own.sum(), both / max(1, (staged == number).sum())],
            "n": int(own.sum()),
        }
    return found


def _bounds(interval: Interval) -> dict[str, float | None]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _rounded(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return _rounded(value.tolist())
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value

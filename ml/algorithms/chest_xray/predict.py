"""The calibrated probability and the label at the operating point."""

from __future__ import annotations

import math
from typing import Any

from ml.algorithms.chest_xray.load import Study
from ml.algorithms.chest_xray.view import SIDE
from ml.contracts import Loaded
from ml.package import Package

POSITIVE, NEGATIVE = "PNEUMONIA", "NORMAL"


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Return the probability of pneumonia and what follows from it, ready for JSON.

    Where the site has said how frequent pneumonia is among the children it sends, probability and
    operating point are both stated for that frequency; the label is the same.
    """
    study: Study = loaded.data
    image = max(study.scored, key=lambda scored: scored.activations.logit)
    calibration = package.manifest["calibration"]
    prevalence = study.prevalence or calibration["prevalence"]
    shift = log_odds(prevalence) - log_odds(calibration["prevalence"])
    probability = sigmoid(log_odds_of(image.activations.logit, calibration) + shift)
    threshold = sigmoid(log_odds(package.thresholds["probability"]) + shift)
    return {
        "probability": probability,
        "label": POSITIVE if probability >= threshold else NEGATIVE,
        "threshold": threshold,
        "prevalence": prevalence,
        "gate": study.gate,
        "model_view": {"width": SIDE, "height": SIDE},
        "scored": image.number,
        "preview": {"width": image.preview_size[0], "height": image.preview_size[1]},
    }


def log_odds_of(logit: float, calibration: dict[str, float]) -> float:
    """Calibrate the network's log odds (Platt 1999)."""
    return calibration["slope"] * logit + calibration["intercept"]


def log_odds(probability: float) -> float:
    """Return the log odds of a probability between 0 and 1."""
    return math.log(probability) - math.log1p(-probability)


def sigmoid(odds: float) -> float:
    """Return the probability of log odds, at most 40 either way."""
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, odds))))

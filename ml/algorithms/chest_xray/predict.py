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
    """Return the probability of pneumonia and what follows from it, ready for JSON."""
    study: Study = loaded.data
    probability = calibrated(study.activations.logit, package.manifest["calibration"])
    threshold = package.thresholds["probability"]
    return {
        "probability": probability,
        "label": POSITIVE if probability >= threshold else NEGATIVE,
        "threshold": threshold,
        "gate": study.gate,
        "model_view": {"width": SIDE, "height": SIDE},
        "preview": {"width": study.preview_size[0], "height": study.preview_size[1]},
    }


def calibrated(logit: float, calibration: dict[str, float]) -> float:
    """Turn the network's log odds into a probability (Platt 1999)."""
    odds = calibration["slope"] * logit + calibration["intercept"]
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, odds))))

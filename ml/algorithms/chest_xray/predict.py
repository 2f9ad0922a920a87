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

    Returns
    -------
    dict
        ``probability``, ``label`` and ``gate`` of the scored image with the highest probability, whose
        number is ``scored``; ``threshold``, ``prevalence``, ``model_view`` (width and height); ``images``:
        for each file, in the order sent and numbered from 0,

        - ``number``, ``role`` (frontal, lateral, other), ``view`` (AP, PA, LL, RL or empty),
          ``recognised_by`` (header, appearance, or empty when nothing could be read);
        - ``accepted``, ``reasons``; ``probability`` and ``label`` only of a scored image;
        - ``width``, ``height`` (native pixels), ``aspect`` (height of a pixel divided by its width),
          ``spacing`` (:func:`ml.algorithms.chest_xray.acquisition.spacing`), ``orientation``
          (:func:`ml.algorithms.chest_xray.projection.orientation`), ``taken_at``; ``maker`` and
          ``appearance`` (:mod:`ml.algorithms.chest_xray.seen`), of no use but to watch them over the years;
        - ``preview`` (name of the PNG, empty when the file could not be decoded), ``preview_size``,
          ``glance`` (name of a smaller JPEG);
        - ``pixels`` (:func:`ml.algorithms.chest_xray.pixels.packed`; ``None`` likewise).
    """
    study: Study = loaded.data
    calibration = package.manifest["calibration"]
    prevalence = study.prevalence or calibration["prevalence"]
    shift = log_odds(prevalence) - log_odds(calibration["prevalence"])
    threshold = sigmoid(log_odds(package.thresholds["probability"]) + shift)
    images = [dict(image) for image in study.images]
    for scored in study.scored:
        probability = sigmoid(log_odds_of(scored.activations.logit, calibration) + shift)
        label = POSITIVE if probability >= threshold else NEGATIVE
        images[scored.number] |= {"probability": probability, "label": label}
    main = images[study.main.number]
    return {
        "probability": main["probability"],
        "label": main["label"],
        "threshold": threshold,
        "prevalence": prevalence,
        "gate": {"accepted": main["accepted"], "reasons": main["reasons"]},
        "model_view": {"width": SIDE, "height": SIDE},
        "scored": main["number"],
        "images": images,
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

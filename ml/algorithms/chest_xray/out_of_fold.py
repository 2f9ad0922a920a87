"""The scores that the operating point of an X-ray package was chosen on, and their curves.

Training images alone: each altered by a family of alterations that its head never met, its child held out.
The official test is not looked at.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml import held_out
from ml.algorithms.chest_xray import dataset, heads, train, validation
from ml.algorithms.chest_xray.cases import gather
from ml.algorithms.chest_xray.features import Extractor
from ml.contracts import Text
from ml.held_out import HeldOut
from ml.package import Package
from ml.training import curves
from ml.training import data as training_data

COMMAND = "python -m ml held-out chest_xray --data ../shared/data --publish"
DATA = Text(
    f"Kermany 2018: {train.UNSEEN}. Stated at even odds, while 74 % of these images show pneumonia: the "
    "calibration curve lies above its diagonal for that reason",
    f"Kermany 2018\u00a0: {train.UNSEEN_FR}. Énoncées à chances égales, alors que 74 % de ces images "
    "montrent une pneumonie\u00a0: la courbe de calibration passe au-dessus de sa diagonale pour cette "
    "raison",
)
UNIT = Text("images", "images")
REPEATS = 300


def collect(data: Path, package: Package) -> HeldOut:
    """Fit the heads of a package's validation once more, and return what they say of what they never met.

    Raises
    ------
    ml.training.data.DataMissing
        When a file is missing.
    """
    params = package.manifest["training"]["params"]
    folders = training_data.require(data, dataset.KERMANY, dataset.NIH)
    weights = {name: dataset.weights(data, name) for name in params["networks"]}
    extractor = Extractor(params["networks"], weights, training_data.fingerprint(*folders))
    cases, _ = gather(dataset.kermany(data, "train"), extractor, params).damped(params["damping"])
    parts = heads.blocks(cases.patients, params["blocks"])
    learn = validation.linear(cases, params["regularisation"], params["balance"])
    scores = validation.unseen_families(cases, parts, learn)
    odds = np.stack([scores[family][family] for family in scores])
    return held(heads.sigmoid(odds, package.manifest["calibration"]), cases.y, cases.patients, package)


def held(probabilities: np.ndarray, y: np.ndarray, patients: np.ndarray, package: Package) -> HeldOut:
    """Return scores with their curves.

    Parameters
    ----------
    probabilities
        Shape (families, images): each image altered by each family that its head never met.
    y, patients
        Shape (images,).
    """
    drawn = curves.curves(
        y, probabilities, threshold=package.thresholds["probability"], groups=patients, data=DATA, unit=UNIT,
        repeats=REPEATS,
    )  # fmt: skip
    return HeldOut(
        data=DATA,
        unit=UNIT,
        n=probabilities.size,
        command=COMMAND,
        scores={
            "events": held_out.packed(probabilities[:, y == 1].ravel().tolist()),
            "others": held_out.packed(probabilities[:, y == 0].ravel().tolist()),
        },
        curves=drawn,
    )

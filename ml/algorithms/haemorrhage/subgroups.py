"""How the model does by the mother's age, on births it never saw: Zurich and US natality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage import external
from ml.algorithms.haemorrhage.model import of
from ml.package import Metric, Package
from ml.training.data import require
from ml.training.evaluation import as_metrics, binary_metrics

COMMAND = "python -m ml subgroups haemorrhage --data ../shared/data"
FIGURES = ("roc_auc", "calibration_intercept", "brier")
TABLES = {"zurich": "zurich_blood_loss", "natality": "us_natality_2014_100k"}
BOUNDS = (30, 35)
PARTS = (("under_30", "under 30 years"), ("30_to_34", "30 to 34 years"), ("35_and_over", "35 years and over"))


def measure(data: Path, package: Package) -> dict[str, list[Metric]]:
    """Return discrimination and calibration in the large by age, at the incidence of the whole cohort.

    Raises
    ------
    ml.training.data.DataMissing
        When one of the tables is not there.
    """
    in_zurich, in_natality = require(data, external.ZURICH, external.NATALITY)
    model = of(package)
    zurich = pd.read_csv(in_zurich)
    natality = pd.read_csv(in_natality, low_memory=False)
    natality = natality[natality[list(external.NATALITY_OUTCOMES)].notna().all(axis=1)]
    composite = (natality[list(external.NATALITY_OUTCOMES)] == "y").any(axis=1).to_numpy(dtype=int)
    of_zurich, of_natality = external.zurich_levels(model, zurich), external.natality_levels(model, natality)
    bled = external.severe(zurich)
    return {
        "age": [
            *_by_age("zurich", zurich["AGE"], bled, external.risks(model, of_zurich, _share(bled))),
            *_by_age(
                "natality",
                natality["mager"],
                composite,
                external.risks(model, of_natality, _share(composite)),
            ),
        ]
    }


def _by_age(name: str, ages: pd.Series, label: np.ndarray, risk: np.ndarray) -> list[Metric]:
    part = np.searchsorted(BOUNDS, ages.to_numpy(dtype=float), side="right")
    metrics: list[Metric] = []
    for index, (code, words) in enumerate(PARTS):
        chosen = part == index
        y = label[chosen]
        found = binary_metrics(y, risk[chosen], _share(label))
        metrics += as_metrics(
            {f"{name}_{code}.{figure}": found[figure] for figure in FIGURES if figure in found},
            data=f"{TABLES[name]}: mothers {words}",
            n=len(y),
            command=COMMAND,
            unit="births",
            note=f"{int(y.sum())} with the outcome; incidence set to the whole cohort's",
        )
    return metrics


def _share(label: np.ndarray) -> float:
    return float(label.mean())

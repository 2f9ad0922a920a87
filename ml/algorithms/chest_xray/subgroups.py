"""Whom the gate keeps out, by sex and age: adults of a sample that no gate has learned from.

The images of children carry neither, so the score itself cannot be measured apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.algorithms.chest_xray import dataset, evaluation, gate_training
from ml.package import Metric, Package
from ml.training.evaluation import as_metrics, wilson

COMMAND = "python -m ml subgroups chest_xray --data ../shared/data"
SEXES = (("women", "F"), ("men", "M"))
AGES = (("18_to_39", 18, 40), ("40_to_59", 40, 60), ("60_and_over", 60, 200))


def measure(data: Path, package: Package) -> dict[str, list[Metric]]:
    """Return the share of adults refused by appearance, by sex and by age, with Wilson intervals.

    Raises
    ------
    ml.training.data.DataMissing
        When the sample is not there.
    """
    nih = dataset.adults(data, package.manifest["training"]["params"]["seed"])
    grown = ~nih.for_training & (nih.ages >= gate_training.ADULT_YEARS)
    refused = np.array([not evaluation.by_features_accepts(package, image) for image in nih.pixels[grown]])
    ages, sexes = nih.ages[grown], nih.sexes[grown]
    return {
        "sex": [_share(name, refused[sexes == code]) for name, code in SEXES],
        "age": [_share(name, refused[(ages >= least) & (ages < below)]) for name, least, below in AGES],
    }


def _share(part: str, refused: np.ndarray) -> Metric:
    (metric,) = as_metrics(
        {f"{part}.gate_refuses_adults": wilson(int(refused.sum()), len(refused))},
        data=f"NIH ChestX-ray14 sample, gate-test half: {part.replace('_', ' ')}",
        n=len(refused),
        command=COMMAND,
        unit="images",
    )
    return metric

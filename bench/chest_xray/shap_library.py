"""The usual way to the regions: the shap library's partition explainer, asking the network we serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shap

from bench.chest_xray.film import ARRAY
from bench.measuring import Samples, cpu_ms
from ml import package as packages
from ml.algorithms.chest_xray import masking
from ml.algorithms.chest_xray.explain import CELLS, EVALUATIONS


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per image for the same cells, baseline and number of evaluations as ours."""
    game = masking.game(packages.load("chest_xray"), np.load(folder / ARRAY))
    shown = np.ones((1, CELLS, CELLS, 1))
    masker = shap.maskers.Image(np.zeros(shown.shape[1:]))
    explainer = shap.PartitionExplainer(
        lambda images: np.array([game(image[:, :, 0] > 0) for image in images]), masker
    )

    def regions() -> None:
        explainer(shown, max_evals=EVALUATIONS, batch_size=2, silent=True)

    regions()
    return {"regions_cpu_ms": cpu_ms(regions, repeats)}

"""The draws a package carries for its intervals, made once when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.stats import norm, qmc

from ml.algorithms.haemorrhage import model, uncertainty
from ml.training.progress import progress


def draws(fitted: model.Model, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return quasi-random draws (scrambled Sobol points) and each draw's intercept per incidence."""
    k = len(fitted.factors)
    points = qmc.Sobol(2 * k, rng=np.random.default_rng(params["seed"])).random(params["draws"])
    points = np.clip(points, 1e-6, 1 - 1e-6)
    normal = norm.ppf(points[:, :k]).astype(np.float32).astype(float)
    incidences = np.geomspace(*params["incidence_range"], params["incidence_steps"])
    intercepts = np.array(
        [
            [model.solve_intercept(sampled.ward, incidence) for incidence in incidences]
            for sampled in progress(
                uncertainty.sampled_models(fitted, normal), "intercepts of sampled models", unit="model"
            )
        ]
    )
    return {
        "normal": normal.astype(np.float32),
        "uniform": points[:, k:].astype(np.float32),
        "incidences": incidences,
        "intercepts": intercepts.astype(np.float32),
    }

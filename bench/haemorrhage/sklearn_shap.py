"""The usual way: a fitted logistic regression and SHAP's linear explainer, on the same rows.

It gives a point without an interval, and takes unknown for the reference level.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shap
from sklearn.linear_model import LogisticRegression

from bench.haemorrhage.rows import ROWS_PER_CALL, matrix
from bench.measuring import Samples, cpu_ms

BACKGROUND = 2000


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per row, warm."""
    rows = matrix()
    rng = np.random.default_rng(0)
    background = (rng.random((BACKGROUND, rows.shape[1])) < 0.1).astype(float)
    outcome = rng.random(BACKGROUND) < 0.05 + 0.1 * background.mean(axis=1)
    fitted = LogisticRegression(max_iter=500).fit(background, outcome)
    explainer = shap.LinearExplainer(fitted, background)

    def score_and_reasons() -> None:
        for row in rows:
            fitted.predict_proba(row[None])
            explainer.shap_values(row[None])

    score_and_reasons()
    return {"row_cpu_ms": [spent / ROWS_PER_CALL for spent in cpu_ms(score_and_reasons, repeats)]}

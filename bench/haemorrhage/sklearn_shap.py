"""The usual way: a fitted logistic regression and SHAP's linear explainer, on the same rows.

It takes unknown for the reference level, and gives a point. For an interval it is given what one would write
by hand: as many sampled coefficient vectors as ours, and the percentiles of their probabilities.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shap
from sklearn.linear_model import LogisticRegression

from bench.haemorrhage.rows import ROWS_PER_CALL, batch, loaded, matrix
from bench.measuring import Samples, cpu_ms
from ml import package as packages

BACKGROUND = 2000
DRAWS = 2048
ROWS_AT_ONCE = 500


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per row, and per batch of 10,000, warm."""
    rows = matrix([admission.data.typed for admission in loaded(packages.load("haemorrhage"))])
    many = batch(folder)
    rng = np.random.default_rng(0)
    background = (rng.random((BACKGROUND, rows.shape[1])) < 0.1).astype(float)
    outcome = rng.random(BACKGROUND) < 0.05 + 0.1 * background.mean(axis=1)
    fitted = LogisticRegression(max_iter=500).fit(background, outcome)
    explainer = shap.LinearExplainer(fitted, background)
    sampled = fitted.coef_ + 0.3 * rng.standard_normal((DRAWS, rows.shape[1]))

    def score_and_reasons() -> None:
        for row in rows:
            fitted.predict_proba(row[None])
            explainer.shap_values(row[None])

    def score_and_reasons_of_a_batch() -> None:
        table = matrix(many)
        fitted.predict_proba(table)
        explainer.shap_values(table)

    def intervals_too() -> None:
        table = matrix(many)
        fitted.predict_proba(table)
        explainer.shap_values(table)
        for start in range(0, len(table), ROWS_AT_ONCE):
            log_odds = table[start : start + ROWS_AT_ONCE] @ sampled.T + fitted.intercept_
            np.percentile(1 / (1 + np.exp(-log_odds)), (2.5, 97.5), axis=1)

    score_and_reasons()
    score_and_reasons_of_a_batch()
    return {
        "row_cpu_ms": [spent / ROWS_PER_CALL for spent in cpu_ms(score_and_reasons, repeats)],
        "batch_cpu_ms": cpu_ms(score_and_reasons_of_a_batch, repeats),
        "batch_interval_cpu_ms": cpu_ms(intervals_too, repeats),
    }

"""Trees over the same levels, compared with the fitted odds ratios and never shipped.

Served, they would need unknown answers integrated out and reasons that are exact; only the additive model
has both (docs/decisions/0010). The comparison says what is given up for that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.algorithms.haemorrhage.external import UNKNOWN
from ml.algorithms.haemorrhage.hospital.births import Births
from ml.algorithms.haemorrhage.hospital.gate import CANDIDATE, REPEATS, difference, figure_json
from ml.training.evaluation import Question, sampled_figures
from ml.training.pipeline import Recipe, fit

TREES = "trees"
BOOSTING = {
    "n_estimators": 150, "max_depth": 3, "learning_rate": 0.05, "subsample": 0.8,
    "colsample_bytree": 0.5, "reg_lambda": 5,
}  # fmt: skip
# An isotonic curve is free: it needs this many events to beat the two numbers of a sigmoid.
ISOTONIC_FROM = 1000


def compare(
    earlier: Births, later: Births, candidate: np.ndarray, *, threshold: float, seed: int
) -> dict[str, Any]:
    """Fit gradient-boosted trees on the earlier births and compare them on the later ones.

    Parameters
    ----------
    candidate
        Shape (later births,): risks by the fitted odds ratios.

    Returns
    -------
    dict
        ``figures`` of the trees, ``differences`` trees − odds ratios with paired intervals, ``verdict``
        (``better``, ``worse``, ``undecided``: only a paired interval of the Brier score that excludes zero
        decides), ``served`` (always false).
    """
    recipe = Recipe(
        name=TREES,
        members={"xgboost": BOOSTING},
        numbers=(),
        categories=tuple(earlier.levels.columns),
        outliers="none",
        scaling="none",
        calibration="isotonic" if earlier.events >= ISOTONIC_FROM else "sigmoid",
        seed=seed,
    )
    fitted = fit(recipe, _table(earlier), earlier.outcome, earlier.mother)
    risks = fitted.probabilities(_table(later))
    sampled = sampled_figures(
        later.outcome,
        {CANDIDATE: candidate, TREES: risks},
        Question(threshold),
        later.mother,
        repeats=REPEATS,
        seed=seed,
    )
    brier = difference(sampled, TREES, CANDIDATE, "brier")
    decided = brier.low is not None and brier.high is not None and not brier.low <= 0 <= brier.high
    return {
        "calibration": recipe.calibration,
        "figures": {
            name: figure_json(sampled[TREES].interval(name))
            for name in ("roc_auc", "brier", "calibration_slope", "net_benefit")
            if name in sampled[TREES].values
        },
        "differences": {
            name: figure_json(difference(sampled, TREES, CANDIDATE, name))
            for name in ("roc_auc", "brier", "net_benefit")
        },
        "verdict": ("better" if brier.value < 0 else "worse") if decided else "undecided",
        "served": False,
    }


def _table(births: Births) -> dict[str, np.ndarray]:
    return {name: births.levels[name].replace(UNKNOWN, "unknown").to_numpy() for name in births.levels}

"""Search of parameters with Optuna, each trial a nested MLflow run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna

from ml.training import tracking
from ml.training.progress import progress

TAG = {"stage": "parameter_optimization"}


@dataclass(frozen=True)
class Found:
    """The best parameters of a search and the score they reached (lower is better)."""

    params: dict[str, Any]
    score: float
    trials: int


def search(
    score: Callable[[dict[str, Any]], float],
    space: Mapping[str, Mapping[str, Any]],
    *,
    algorithm: str,
    trials: int,
    seed: int,
) -> Found:
    """Minimise ``score`` over a space with the tree-structured Parzen estimator.

    Parameters
    ----------
    score
        Out-of-fold loss of a set of parameters on training rows.
    space
        Name → ``{"int": [low, high]}``, ``{"float": [low, high]}`` (both with optional
        ``log: true``) or ``{"choice": [...]}``.
    algorithm
        MLflow experiment; a run must be open, the trials become its children, tagged
        ``parameter_optimization``.

    Raises
    ------
    ValueError
        For a space entry of no known kind.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=seed))
    for number in progress(range(trials), "parameter search", unit="trial"):
        trial = study.ask()
        params = {name: _suggest(trial, name, kind) for name, kind in space.items()}
        with tracking.run(algorithm, f"trial {number}", params=params, tags=TAG, nested=True) as run:
            value = score(params)
            run.metric("log_loss", value)
        study.tell(trial, value)
    return Found(dict(study.best_params), float(study.best_value), trials)


def _suggest(trial: optuna.Trial, name: str, kind: Mapping[str, Any]) -> Any:
    log = bool(kind.get("log", False))
    if "int" in kind:
        return trial.suggest_int(name, *kind["int"], log=log)
    if "float" in kind:
        return trial.suggest_float(name, *kind["float"], log=log)
    if "choice" in kind:
        return trial.suggest_categorical(name, kind["choice"])
    raise ValueError(f"search space of {name!r}: expected int, float or choice, got {sorted(kind)}")

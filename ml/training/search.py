"""Search of parameters with Optuna: pruned, resumable, each trial a nested MLflow run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from ml.training import store, tracking
from ml.training.objectives import objective
from ml.training.progress import progress

TAG = {"stage": "parameter_optimization"}
SAMPLERS: dict[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}
# Whatever their first folds say, so many trials are finished before any is given up.
UNPRUNED_TRIALS = 5
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Found:
    """The best parameters of a search.

    Parameters
    ----------
    score
        What they reached, of the metric searched by.
    trials
        Trials finished, those given up half-way included.
    pruned
        Trials given up half-way.
    resumed
        Trials that a search broken off earlier had finished.
    """

    params: dict[str, Any]
    score: float
    trials: int
    pruned: int = 0
    resumed: int = 0


def search(
    score: Callable[[dict[str, Any]], float | Iterable[float]],
    space: Mapping[str, Mapping[str, Any]],
    *,
    algorithm: str,
    trials: int,
    seed: int,
    metric: str = "log_loss",
    sampler: str = "tpe",
    study: str = "",
    about: Mapping[str, Any] | None = None,
) -> Found:
    """Search a space for the parameters of best score.

    Parameters
    ----------
    score
        From parameters to their out-of-fold score on training rows; or to the score over the
        first fold, the first two folds and so on (:func:`ml.training.selection.running_scores`),
        so that a trial below the median of the others (Golovin 2017) is given up early.
    space
        Name → ``{"int": [low, high]}``, ``{"float": [low, high]}`` (both with optional
        ``log: true``) or ``{"choice": [...]}``.
    algorithm
        MLflow experiment; a run must be open, the trials become its children, tagged
        ``parameter_optimization``.
    metric
        Name of the score in :data:`ml.training.objectives.OBJECTIVES`, which says whether less or
        more is better.
    sampler
        ``"tpe"`` (tree-structured Parzen estimator, Bergstra 2011) or ``"random"``.
    study
        Name under which trials are stored in ``var/optuna.db``: a search that was killed goes on
        where it stopped, and finds what it would have found. Not stored when empty.
    about
        What else decides the scores, such as the fingerprint of the rows and the recipe: a study
        is only resumed by a search of the same space, metric, sampler, seed and ``about``.

    Raises
    ------
    ValueError
        For an unknown sampler, metric, or kind of space.
    """
    if sampler not in SAMPLERS:
        raise ValueError(f"unknown sampler {sampler!r}; there are: {', '.join(SAMPLERS)}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    settings = {"space": space, "metric": metric, "sampler": sampler, "seed": seed, "about": about or {}}
    stored = _study(f"{algorithm}/{study}" if study else "", settings)
    done = resumed = _cleared(stored)
    for number in progress(range(done, trials), "parameter search", unit="trial"):
        # A sampler of its own for each trial: what it draws depends on the trials before, not on
        # whether the process that made them still lives.
        stored.sampler = SAMPLERS[sampler](_seed(seed, number))
        trial = stored.ask()
        params = {name: _suggest(trial, name, kind) for name, kind in space.items()}
        with tracking.run(algorithm, f"trial {number}", params=params, tags=TAG, nested=True) as run:
            run.tag("trial.state", _try(stored, trial, score(params), metric, run).name.lower())
    finished = stored.get_trials(deepcopy=False, states=FINISHED)
    pruned = sum(trial.state is TrialState.PRUNED for trial in finished)
    return Found(dict(stored.best_params), float(stored.best_value), len(finished), pruned, resumed)


def _try(
    study: optuna.Study,
    trial: optuna.Trial,
    scores: float | Iterable[float],
    metric: str,
    run: tracking.Run,
) -> TrialState:
    """Follow one trial's scores to the end, or until it is not worth it."""
    value = float("nan")
    for step, found in enumerate(scores if isinstance(scores, Iterable) else [scores]):
        value = float(found)
        run.metric(metric, value, step=step)
        trial.report(value, step)
        if trial.should_prune():
            return study.tell(trial, state=TrialState.PRUNED).state
    return study.tell(trial, value).state


def _study(name: str, settings: Mapping[str, Any]) -> optuna.Study:
    """Open the stored study of these very settings, or begin it."""
    said = json.dumps(settings, sort_keys=True, default=str)
    digest = hashlib.sha256(said.encode()).hexdigest()[:12]
    if name:
        store.STORE.parent.mkdir(parents=True, exist_ok=True)
    return optuna.create_study(
        direction=objective(settings["metric"]).direction,
        storage=f"sqlite:///{store.STORE.parent / 'optuna.db'}" if name else None,
        study_name=f"{name}/{digest}" if name else None,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS, n_warmup_steps=1),
        load_if_exists=bool(name),
    )


def _cleared(study: optuna.Study) -> int:
    """Fail the trials whose process died, and return how many are finished."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return len(study.get_trials(deepcopy=False, states=FINISHED))


def _seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _suggest(trial: optuna.Trial, name: str, kind: Mapping[str, Any]) -> Any:
    log = bool(kind.get("log", False))
    if "int" in kind:
        return trial.suggest_int(name, *kind["int"], log=log)
    if "float" in kind:
        return trial.suggest_float(name, *kind["float"], log=log)
    if "choice" in kind:
        return trial.suggest_categorical(name, kind["choice"])
    raise ValueError(f"search space of {name!r}: expected int, float or choice, got {sorted(kind)}")

"""One network on one fold: early stopping, a checkpoint after every epoch, resumed as if never stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from ml.algorithms.chest_xray.bench.images import CLEAN, Fold
from ml.algorithms.chest_xray.bench.networks import compile_for
from ml.algorithms.chest_xray.bench.settings import Settings
from ml.training.progress import progress

CURVES = ("loss", "stopping", "stopping_shifted")
"""Losses kept of every epoch: on the images learned from, and on those that say when to stop."""
SHIFTED = "shift-0"
CHUNK = 256
SMALLEST = 1e-7
"""Probabilities of the truth below this count as this, as in Keras."""

Inputs = Callable[[str], Sequence[np.ndarray]]
"""From the name of a copy to what the network gets, one array per input."""
Watcher = Callable[[int, np.ndarray], None]
"""Told of every epoch: its number and its losses, as :data:`CURVES` names them."""


@dataclass(frozen=True)
class Task:
    """What a network learns from.

    Parameters
    ----------
    y
        Shape (n,): 1 for pneumonia.
    copies
        How many altered copies there are; epochs take them in turn.
    """

    inputs: Inputs
    y: np.ndarray
    fold: Fold
    copies: int
    seed: int


def start(model: keras.Model, params: Settings) -> list[np.ndarray]:
    """Compile a network and return every variable of it and its optimiser: where each fold starts from.

    One network, traced once, then serves all folds.
    """
    compile_for(model, params)
    model.optimizer.build(model.trainable_variables)
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def fit(
    model: keras.Model, params: Settings, task: Task, state: Path, name: str, watch: Watcher,
    beginning: Sequence[np.ndarray],
) -> np.ndarray:  # fmt: skip
    """Train a network until it stops getting better, and leave it with its best weights.

    Early stopping watches the loss on other patients' shifted images, which are neither learned from
    nor reported on. Whether to stop is read off the losses so far and nothing else, and the state after
    each epoch holds them with every variable of network and optimiser: a run that was killed goes on to
    the same end as one that was not.

    Parameters
    ----------
    state
        File of the state.
    name
        Of the run and fold, for the progress bar.
    beginning
        As :func:`start` returned it.

    Returns
    -------
    ndarray, shape (epochs, 3)
        The losses of :data:`CURVES`.
    """
    for variable, value in zip((*model.variables, *model.optimizer.variables), beginning, strict=True):
        variable.assign(value)
    curve, best = _restore(model, state)
    if len(curve):
        sys.stderr.write(f"{name}: resumed after epoch {len(curve)}\n")
    for epoch, losses in enumerate(curve):
        watch(epoch, losses)
    for epoch in progress(range(len(curve), params.epochs), name, unit="epoch"):
        if stopped(curve, params.patience):
            break
        losses = np.array([_epoch(model, params, task, epoch), *_watched(model, task, params)])
        curve = np.vstack([curve, losses])
        if _best_epoch(curve) == epoch:
            best = [variable.numpy() for variable in model.variables]
        _keep(model, state, curve, best)
        watch(epoch, losses)
    for variable, value in zip(model.variables, best, strict=True):
        variable.assign(value)
    return curve


def stopped(curve: np.ndarray, patience: int) -> bool:
    """Return whether so many epochs have passed since the least loss under shift."""
    return len(curve) > 0 and len(curve) - 1 - _best_epoch(curve) >= patience


def predict(model: keras.Model, inputs: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """Return the probability of pneumonia of the chosen images, shape (len(chosen),)."""
    # Filled up to whole chunks: every further size of batch would be traced anew, for many seconds.
    filled = np.resize(chosen, -(-len(chosen) // CHUNK) * CHUNK)
    parts = np.split(filled, range(CHUNK, len(filled), CHUNK))
    found = [model.predict_on_batch(_batch(inputs, part))[:, 1] for part in parts]
    return np.concatenate(found)[: len(chosen)].astype(float)


def _epoch(model: keras.Model, params: Settings, task: Task, epoch: int) -> float:
    """Go once through the training images, in an order and copy of this epoch's own."""
    copy = f"train-{epoch % task.copies}" if params.augmentation else CLEAN
    inputs, weights = task.inputs(copy), _weights(task.y, task.fold.train, params.balancing)
    order = np.random.default_rng([task.seed, epoch]).permutation(task.fold.train)
    model.reset_metrics()
    loss = float("nan")
    size = min(params.batch, len(order))
    # What does not fill a batch waits for another epoch, where chance orders the images anew.
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        loss = model.train_on_batch(
            _batch(inputs, chosen), np.eye(2, dtype=np.float32)[task.y[chosen]], sample_weight=weights[chosen]
        )
    return float(loss)


def _watched(model: keras.Model, task: Task, params: Settings) -> tuple[float, float]:
    """Return the loss on the images that say when to stop, as they are and shifted."""
    chosen = task.fold.stopping
    p, shifted = (predict(model, task.inputs(copy), chosen) for copy in (CLEAN, SHIFTED))
    weights = _weights(task.y, chosen, params.balancing)[chosen]
    return tuple(_loss(one, task.y[chosen], weights) for one in (p, shifted))


def _loss(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    of_truth = np.clip(np.where(y == 1, p, 1 - p), SMALLEST, 1)
    return float(np.average(-np.log(of_truth), weights=weights))


def _weights(y: np.ndarray, chosen: np.ndarray, balanced: bool) -> np.ndarray:
    """Return a weight per image of the sample with which both classes of the chosen ones count alike."""
    share = np.bincount(y[chosen], minlength=2) / len(chosen)
    return ((0.5 / share)[y] if balanced else np.ones(len(y))).astype(np.float32)


def _batch(inputs: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray | list[np.ndarray]:
    # Sorted reads from disk are faster; the order within the batch is put back.
    order = np.argsort(chosen)
    back = np.argsort(order)
    taken = [np.asarray(part[chosen[order]], np.float32)[back] for part in inputs]
    return taken[0] if len(taken) == 1 else taken


def _best_epoch(curve: np.ndarray) -> int:
    return int(np.argmin(curve[:, CURVES.index("stopping_shifted")]))


def _keep(model: keras.Model, state: Path, curve: np.ndarray, best: Sequence[np.ndarray]) -> None:
    arrays = {f"network_{i}": v.numpy() for i, v in enumerate(model.variables)}
    arrays |= {f"optimizer_{i}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
    arrays |= {f"best_{i}": value for i, value in enumerate(best)}
    unfinished = state.with_suffix(".part.npz")
    np.savez(unfinished, curve=curve, **arrays)
    # Renamed at once: whoever is killed while writing resumes from the epoch before.
    unfinished.rename(state)


def _restore(model: keras.Model, state: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    """Bring a network and its optimiser to the state kept, if any; return the losses and best weights."""
    if not state.exists():
        return np.empty((0, len(CURVES))), []
    with np.load(state, allow_pickle=False) as kept:
        for prefix, variables in (("network", model.variables), ("optimizer", model.optimizer.variables)):
            for i, variable in enumerate(variables):
                variable.assign(kept[f"{prefix}_{i}"])
        curve = kept["curve"]
        best = [kept[f"best_{i}"] for i in range(len(model.variables))]
    return curve, best

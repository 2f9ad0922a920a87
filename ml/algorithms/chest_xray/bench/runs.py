"""One run of the bench: a network per fold, scored on patients it has not seen, kept when finished."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import drawing
from ml.algorithms.chest_xray.bench.images import CLEAN, Copies, Fold
from ml.algorithms.chest_xray.bench.networks import build, parts
from ml.algorithms.chest_xray.bench.settings import Settings
from ml.algorithms.chest_xray.bench.training import CURVES, Inputs, Task, fit, predict, start
from ml.package import Metric
from ml.training import tracking
from ml.training.evaluation import as_metrics, bootstrap, roc_auc

FIXED_PART = ("backbone", "options", "weights", "side", "normalisation", "momentum", "strategy")
"""Settings on which the fixed part of a network depends, beside how much of it is fixed."""


COMMAND = "python -m ml.algorithms.chest_xray.bench --data ../shared/data"
REPEATS = 200  # of the bootstrap, for every network that is tried


@dataclass(frozen=True)
class Result:
    """What a run found.

    Parameters
    ----------
    clean
        Shape (n,): probability of every image, by the network that was trained without its patient.
    shifted
        Shape (shifts, n): the same of its shifted copies.
    curves
        Per fold the losses of every epoch, as :data:`ml.algorithms.chest_xray.bench.training.CURVES`.
    """

    name: str
    settings: Settings
    clean: np.ndarray
    shifted: np.ndarray
    curves: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Workshop:
    """Where runs are made: the images and their copies, the folds, and the folder that keeps everything.

    Parameters
    ----------
    held_out
        Name of how the folds were cut ("patients", "clusters").
    """

    copies: Copies
    folds: Sequence[Fold]
    held_out: str
    common: Mapping[str, Any]
    data: Path
    folder: Path


def identity(params: Settings, shop: Workshop) -> str:
    """Return the name under which a run is kept: same settings, images and folds, same name."""
    about = [asdict(params), dict(shop.common), shop.held_out, shop.copies.images.key]
    return _digest(about)


def run(name: str, params: Settings, shop: Workshop, experiment: str) -> Result:
    """Train and score a network on every fold, or return what an earlier call found.

    A run that was killed goes on in the epoch it was in.

    Parameters
    ----------
    experiment
        Of MLflow; a run of it must be open.
    """
    folder = shop.folder / identity(params, shop)
    done = folder / "result.npz"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tracking.run(experiment, name, params=asdict(params), nested=True) as tracked:
            tracked.data(shop.copies.images.key, "Kermany 2018")
            (folder / "settings.json").write_text(json.dumps(asdict(params), indent=2) + "\n", "utf-8")
            tracked.artifact(folder / "settings.json")
            started = time.process_time()
            for _ in each_fold(name, params, shop, tracked):
                pass
            tracked.metric("cpu_seconds", time.process_time() - started)
            _finish(folder, name, shop, tracked)
    return _read(name, params, done)


def each_fold(
    name: str, params: Settings, shop: Workshop, tracked: tracking.Run
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Train on one fold after another and yield its held-out images and their shifted probabilities.

    Yields
    ------
    tuple of ndarray
        Indices of shape (m,), and probabilities of shape (shifts, m).
    """
    folder = shop.folder / identity(params, shop)
    folder.mkdir(parents=True, exist_ok=True)
    network = None
    for number, fold in enumerate(shop.folds):
        kept = folder / f"fold_{number}.npz"
        if not kept.exists():
            network = network or _network(name, params, shop)
            _fold(name, number, network, shop, tracked, kept)
        with np.load(kept, allow_pickle=False) as found:
            yield fold.held_out, found["shifted"]


@dataclass(frozen=True)
class _Network:
    """A network built for all folds of a run: what it is given, and where each fold starts from."""

    params: Settings
    inputs: Inputs
    tuned: keras.Model
    beginning: Sequence[np.ndarray]


def _network(name: str, params: Settings, shop: Workshop) -> _Network:
    keras.backend.clear_session()
    keras.utils.set_random_seed(shop.common["seed"])
    fixed, tuned = parts(build(params, params.added_layers, shop.data, name))
    inputs = partial(shop.copies.inputs, fixed, _fixed_key(params, shop.common["seed"]), params.side)
    return _Network(params, inputs, tuned, start(tuned, params))


def _fold(
    name: str, number: int, network: _Network, shop: Workshop, tracked: tracking.Run, kept: Path
) -> None:
    fold, tuned, inputs = shop.folds[number], network.tuned, network.inputs
    task = Task(inputs, shop.copies.images.y, fold, shop.common["copies"], shop.common["seed"] + number)

    def watch(epoch: int, losses: np.ndarray) -> None:
        for curve, loss in zip(CURVES, losses, strict=True):
            tracked.metric(f"fold_{number}.{curve}", loss, step=epoch)

    state, said = kept.with_name(f"state_{number}.npz"), f"{name}, fold {number + 1}"
    curve = fit(tuned, network.params, task, state, said, watch, network.beginning)
    shifts = [f"shift-{copy}" for copy in range(shop.common["shifts"])]
    clean, *shifted = (predict(tuned, inputs(copy), fold.held_out) for copy in (CLEAN, *shifts))
    unfinished = kept.with_suffix(".part.npz")
    np.savez(unfinished, clean=clean, shifted=np.stack(shifted), curve=curve)
    unfinished.rename(kept)


def _fixed_key(params: Settings, seed: int) -> str:
    """Return the name of the maps that the fixed part of a network gives."""
    own = {name: getattr(params, name) for name in FIXED_PART}
    own["until"] = params.pooling if params.strategy == "no_tuning" else params.fixed_layers
    return _digest([own, seed])


def _finish(folder: Path, name: str, shop: Workshop, tracked: tracking.Run) -> None:
    """Put the folds together, log what came out with a drawing of the losses, and keep it."""
    y = shop.copies.images.y
    clean, shifted = np.empty(len(y)), np.empty((shop.common["shifts"], len(y)))
    curves = {}
    for number, fold in enumerate(shop.folds):
        with np.load(folder / f"fold_{number}.npz", allow_pickle=False) as found:
            clean[fold.held_out], shifted[:, fold.held_out] = found["clean"], found["shifted"]
            curves[f"curve_{number}"] = found["curve"]
    tracked.metrics(_areas(shop, clean, shifted))
    svg, _ = drawing.losses([curve.tolist() for curve in curves.values()], "en", name)
    (folder / "losses.svg").write_text(svg, "utf-8")
    tracked.artifact(folder / "losses.svg")
    unfinished = folder / "result.part.npz"
    np.savez(unfinished, clean=clean, shifted=shifted, **curves)
    unfinished.rename(folder / "result.npz")
    tracked.artifact(folder / "result.npz")


def _areas(shop: Workshop, clean: np.ndarray, shifted: np.ndarray) -> list[Metric]:
    """Return the areas under the curve of held-out images, with intervals over patients."""
    images = shop.copies.images
    intervals = partial(bootstrap, groups=images.patients, repeats=REPEATS)
    found = {
        "roc_auc": intervals(roc_auc, images.y, clean),
        "roc_auc_shifted": intervals(_mean_area, images.y, shifted.T),
    }
    data = f"training images held out by {shop.held_out}, each scored by a network without its patient"
    return as_metrics(found, data=data, n=len(images.y), command=COMMAND, unit="images")


def _mean_area(y: np.ndarray, shifted: np.ndarray) -> float:
    return float(np.mean([roc_auc(y, one) for one in shifted.T]))


def _read(name: str, params: Settings, done: Path) -> Result:
    with np.load(done, allow_pickle=False) as kept:
        curves = [kept[key] for key in sorted(kept.files) if key.startswith("curve_")]
        return Result(name, params, kept["clean"], kept["shifted"], tuple(curves))


def _digest(about: Any) -> str:
    canonical = json.dumps(about, sort_keys=True, default=list)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]

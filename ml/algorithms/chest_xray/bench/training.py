"""One run: fitted with early stopping and a checkpoint per epoch, scored as it is and under shift."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.algorithms.chest_xray.bench.images import Batches, Split, resized
from ml.algorithms.chest_xray.bench.networks import build
from ml.algorithms.chest_xray.bench.settings import Settings
from ml.training import tracking
from ml.training.evaluation import binary_metrics

SHOWN = ("roc_auc", "accuracy", "recall", "specificity")
REPEATS = 300


def identity(params: Settings, common: Mapping[str, Any]) -> str:
    """Return the name under which a run is kept: same settings and images, same name."""
    canonical = json.dumps([asdict(params), dict(common)], sort_keys=True).encode()
    return hashlib.sha256(canonical).hexdigest()[:16]


def run(name: str, params: Settings, split: Split, data: Path, folder: Path, seed: int) -> dict[str, Any]:
    """Train one network and score it, or return what an earlier run found.

    Parameters
    ----------
    folder
        Keeps ``result.json``, the best weights and, while it runs, the state after the last epoch:
        an interrupted run continues there.

    Returns
    -------
    dict
        ``settings``, ``curves`` (loss per epoch, training and held out), ``held_out`` and ``shifted``
        (figures with 95 % intervals over patients, and the confusion matrix at 0.5).
    """
    done = folder / "result.json"
    if done.exists():
        return json.loads(done.read_text("utf-8"))
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(seed)
    model = build(params, params.added_layers, data, name)
    with tracking.run("chest_xray bench", name, params=asdict(params)) as tracked:
        curves = _fit(model, name, params, split, folder, seed, tracked)
        model.load_weights(folder / "best.weights.h5")
        result = {
            "name": name,
            "settings": asdict(params),
            "curves": curves,
            "held_out": _figures(model, split.held_out, params, split.y, split.patients),
            "shifted": _figures(model, split.shifted, params, split.y, split.patients),
        }
        for which in ("held_out", "shifted"):
            for figure, (value, *_) in result[which]["figures"].items():
                tracked.metric(f"{which}.{figure}", value)
    done.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return result


class _Epochs(keras.callbacks.Callback):
    """Says and logs every epoch, and turns the batches to the next."""

    def __init__(self, name: str, batches: Batches, epochs: int, tracked: tracking.Run, log: Path) -> None:
        super().__init__()
        self.name, self.batches, self.epochs, self.tracked, self.log = name, batches, epochs, tracked, log

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.batches.start(epoch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        losses = {key: float(value) for key, value in (logs or {}).items()}
        said = ", ".join(f"{key} {value:.4f}" for key, value in losses.items())
        sys.stderr.write(f"{self.name}: epoch {epoch + 1}/{self.epochs}: {said}\n")
        for key, value in losses.items():
            self.tracked.metric(key, value, step=epoch)
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"epoch": epoch, **losses}) + "\n")


def _fit(
    model: keras.Model,
    name: str,
    params: Settings,
    split: Split,
    folder: Path,
    seed: int,
    tracked: tracking.Run,
) -> list[dict[str, float]]:
    batches = Batches(
        split.train, split.train_y, side=params.side, batch=params.batch, altered=params.augmentation,
        balanced=params.balancing, seed=seed,
    )  # fmt: skip
    log = folder / "epochs.jsonl"
    copies = len(split.shifted) // len(split.y)
    model.fit(
        batches,
        validation_data=(resized(split.shifted, params.side), np.eye(2)[np.tile(split.y, copies)]),
        epochs=params.epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.BackupAndRestore(str(folder / "state")),
            keras.callbacks.ModelCheckpoint(
                str(folder / "best.weights.h5"), save_best_only=True, save_weights_only=True
            ),
            keras.callbacks.EarlyStopping(patience=params.patience),
            _Epochs(name, batches, params.epochs, tracked, log),
        ],
    )
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def _figures(
    model: keras.Model, pixels: np.ndarray, params: Settings, y: np.ndarray, patients: np.ndarray
) -> dict[str, Any]:
    copies = len(pixels) // len(y)
    truth, groups = np.tile(y, copies), np.tile(patients, copies)
    p = model.predict(resized(pixels, params.side), batch_size=params.batch, verbose=0)[:, 1].astype(float)
    found = binary_metrics(truth, p, 0.5, groups=groups, repeats=REPEATS)
    confusion = [
        [int(np.sum((truth == row) & ((p >= 0.5) == column))) for column in (0, 1)] for row in (0, 1)
    ]
    return {
        "n": len(truth),
        "figures": {name: [found[name].value, found[name].low, found[name].high] for name in SHOWN},
        "confusion": confusion,
    }

"""Training of the sixteen-feature forest on any folder of recordings with a hypnogram."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

from ml.algorithms.sleep import forest16, held_out, pairs, recipes
from ml.algorithms.sleep.pairs import RawNight
from ml.contracts import Text
from ml.package import Metric, Package
from ml.training import tracking, watching
from ml.training.data import fingerprint

_USE = Text(
    "Compatibility with an older interface; not for reading.",
    "Compatibilité avec une interface plus ancienne ; pas pour la lecture.",
)
_LIMITS = (
    Text(
        "Judges each epoch alone and by its amplitude: a wrong unit changes the stages.",
        "Juge chaque époque isolément et par son amplitude : une unité erronée change les stades.",
    ),
)


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Train the forest and write ``out/sleep/forest-16-<version>``; see ``train.train``."""
    version = recipes.version_of("forest16", version)
    chosen, nights = pairs.learned_from(data)
    held_out.require_patients(nights, data)
    settings = {**params["forest16"], "seed": params["seed"]}
    with tracking.run("sleep", f"train {version}", params=settings) as run:
        pinned = fingerprint(*pairs.files(chosen))
        run.data(pinned, "raw recordings with a hypnogram")
        folder = out / "sleep" / version
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        features = [forest16.features(night.eeg, night.rate) for night in nights]
        everybody = range(len(nights))
        forest = _fitted(everybody, nights, features, settings)
        (folder / forest16.FILE).write_bytes(_onnx(forest))
        held_out.write(folder, nights, _cross_validated(nights, features, settings))
        manifest = held_out.manifest(
            version, nights, recipe="forest16", settings=settings, pinned=pinned, use=_USE, limits=_LIMITS,
            given={"features": list(forest16.NAMES), "unit": "uV", "known": forest.classes_.tolist()},
        )  # fmt: skip
        return held_out.completed(folder, nights, manifest, data=data, run=run)


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Score the package's held-out stages again, against the hypnograms as they are read now."""
    return held_out.metrics(pairs.learned_from(data)[1], package, data)


def _cross_validated(
    nights: Sequence[RawNight], features: Sequence[np.ndarray], settings: Mapping[str, Any]
) -> dict[int, np.ndarray]:
    """Stage every night by a forest that has not seen its patient."""
    fold = held_out.folds(nights, settings["folds"], settings["seed"])
    staged: dict[int, np.ndarray] = {}
    for k in range(fold.max() + 1):
        forest = _fitted(np.flatnonzero(fold != k), nights, features, settings)
        judged = {int(i): forest.predict(features[i]) for i in np.flatnonzero(fold == k)}
        watching.tell("fold_accuracy", held_out.accuracy(nights, judged), k)
        staged |= judged
    return staged


def _fitted(
    places: Sequence[int] | np.ndarray,
    nights: Sequence[RawNight],
    features: Sequence[np.ndarray],
    settings: Mapping[str, Any],
) -> RandomForestClassifier:
    """Fit a forest on the scored epochs of some nights."""
    scored = [nights[i].labels >= 0 for i in places]
    x = np.concatenate([features[i][kept] for i, kept in zip(places, scored, strict=True)])
    y = np.concatenate([nights[i].labels[kept] for i, kept in zip(places, scored, strict=True)])
    return RandomForestClassifier(
        settings["trees"],
        min_samples_leaf=settings["min_samples_leaf"],
        class_weight="balanced",
        random_state=settings["seed"],
        n_jobs=1,
    ).fit(x, y)


def _onnx(forest: RandomForestClassifier) -> bytes:
    shape = FloatTensorType([None, len(forest16.NAMES)])
    model = to_onnx(forest, initial_types=[("features", shape)], options={"zipmap": False}, target_opset=17)
    return model.SerializeToString()

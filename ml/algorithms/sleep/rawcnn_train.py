"""Training of the convolutional network on any folder of recordings with hypnograms.

Patients are held out, one after the other; within the rest other patients decide when to stop. What is
shipped is then trained on everybody, for as many passes as those trainings liked best. Every pass is
kept, so that a stopped training goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime

from ml.algorithms.sleep import crossvalidation, held_out, pairs, rawcnn, recipes
from ml.algorithms.sleep import rawcnn_network as network
from ml.algorithms.sleep.features import RATE
from ml.algorithms.sleep.pairs import RawNight
from ml.algorithms.sleep.rawcnn_network import Night, State
from ml.contracts import Text
from ml.package import Metric, Package
from ml.training import tracking, watching
from ml.training.data import fingerprint

# Keras and ONNX must agree to this on every night before a package is written.
EQUAL = 1e-5
_STOPPING_SHARE = 0.2
_USE = Text(
    "A third model for comparison, on raw epochs of one EEG derivation; not for reading.",
    "Troisième modèle, à des fins de comparaison, sur les époques brutes d’une dérivation EEG ; pas pour la "
    "lecture.",
)
_LIMITS = (
    Text(
        "Sees two minutes either side of an epoch, not the night.",
        "Voit deux minutes de part et d’autre d’une époque, pas la nuit.",
    ),
)


@dataclass(frozen=True, slots=True)
class _Job:
    """A training that can be stopped and gone on with."""

    settings: Mapping[str, Any]
    seed: int
    key: str

    def fit(
        self, name: str, nights: Sequence[Night], stopping: Sequence[Night], passes: int
    ) -> tuple[keras.Model, State]:
        path = crossvalidation.CACHE / f"cnn-{self.key}" / f"{name}.npz"
        return network.fit(
            nights, stopping, self.settings, seed=self.seed, passes=passes, state=_read_state(path),
            on_pass=self._keeper(name, path),
        )  # fmt: skip

    def _keeper(self, name: str, path: Path) -> Callable[[State], None]:
        def keep(state: State) -> None:
            _write_state(path, state)
            watching.tell(f"{name}.loss", state.losses[-1], state.done)
            shown = f"loss {state.losses[-1]:.4f}"
            if state.held_out:
                watching.tell(f"{name}.held_out_loss", state.held_out[-1], state.done)
                shown += f", held out {state.held_out[-1]:.4f}"
            sys.stderr.write(f"{name}, pass {state.done}: {shown}\n")

        return keep


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Train the network and write ``out/sleep/cnn-<version>``; see ``train.train``."""
    version = recipes.version_of("cnn", version)
    chosen, nights = pairs.learned_from(data)
    held_out.require_patients(nights, data)
    settings = {**params["cnn"], "seed": params["seed"]}
    with tracking.run("sleep", f"train {version}", params=settings) as run:
        pinned = fingerprint(*pairs.files(chosen))
        run.data(pinned, "raw recordings with a hypnogram")
        prepared = [Night(_compact(night), night.labels) for night in nights]
        job = _Job(settings, params["seed"], _key(settings, pinned))
        staged, passes = _cross_validated(job, nights, prepared)
        model, _ = job.fit("everybody", prepared, [], passes)
        folder = out / "sleep" / version
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        network.export(model, folder / rawcnn.FILE)
        _check_equal(model, folder / rawcnn.FILE, prepared)
        held_out.write(folder, nights, staged)
        manifest = held_out.manifest(
            version, nights, recipe="cnn", settings=settings, pinned=pinned, use=_USE, limits=_LIMITS,
            given={
                "signal": "one EEG derivation, any unit", "rate_hz": RATE,
                "pass_band_hz": list(rawcnn.PASS_BAND),
            },
        )  # fmt: skip
        manifest["training"] |= {
            "passes": passes,
            "versions": {"keras": keras.__version__, "onnxruntime": onnxruntime.__version__},
        }
        return held_out.completed(folder, nights, manifest, data=data, run=run)


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Score the package's held-out stages again, against the hypnograms as they are read now."""
    return held_out.metrics(pairs.learned_from(data)[1], package, data)


def _cross_validated(
    job: _Job, nights: Sequence[RawNight], prepared: Sequence[Night]
) -> tuple[dict[int, np.ndarray], int]:
    """Stage every night by a network that has not seen its patient; also return the usual best pass."""
    fold = held_out.folds(nights, job.settings["folds"], job.seed)
    staged, best = {}, []
    for k in range(fold.max() + 1):
        rest = [i for i in range(len(nights)) if fold[i] != k]
        taught, stopping = _split(rest, nights, prepared, job.seed)
        model, state = job.fit(f"fold{k + 1}", taught, stopping, job.settings["passes"])
        best.append(state.best_pass)
        for i in np.flatnonzero(fold == k):
            whole = prepared[i].epochs[None].astype(np.float32)
            staged[int(i)] = model.predict(whole, verbose=0)[0].argmax(axis=1)
    return staged, int(np.median(best))


def _split(
    places: Sequence[int], nights: Sequence[RawNight], prepared: Sequence[Night], seed: int
) -> tuple[list[Night], list[Night]]:
    """Part the nights learned from, by patient; the end of a night stops where there is one patient only."""
    patients = np.unique([nights[i].patient for i in places])
    if len(patients) == 1:
        cut = [round(len(prepared[i].labels) * (1 - _STOPPING_SHARE)) for i in places]
        halves = [(prepared[i], at) for i, at in zip(places, cut, strict=True)]
        return (
            [Night(night.epochs[:at], night.labels[:at]) for night, at in halves],
            [Night(night.epochs[at:], night.labels[at:]) for night, at in halves],
        )
    drawn = np.random.default_rng(seed).permutation(patients)
    stopping = set(drawn[: max(1, round(_STOPPING_SHARE * len(patients)))])
    return (
        [prepared[i] for i in places if nights[i].patient not in stopping],
        [prepared[i] for i in places if nights[i].patient in stopping],
    )


def _compact(night: RawNight) -> np.ndarray:
    """Epochs in half precision: 125 nights of eight hours then take 0.7 GB."""
    return rawcnn.epochs_of(night.eeg, night.rate).astype(np.float16)


def _check_equal(model: keras.Model, path: Path, nights: Sequence[Night]) -> None:
    for night in nights:
        epochs = night.epochs.astype(np.float32)
        difference = float(np.abs(model.predict(epochs[None], verbose=0)[0] - rawcnn.run(path, epochs)).max())
        if difference > EQUAL:
            raise RuntimeError(f"the exported network differs from Keras by {difference:.2g}")


def _key(settings: Mapping[str, Any], pinned: str) -> str:
    """Name a training by what it depends on, the code of the network included."""
    code = fingerprint(Path(network.__file__), Path(rawcnn.__file__))
    text = json.dumps([dict(settings), pinned, code], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _write_state(path: Path, state: State) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"writing-{path.name}")
    arrays = {
        f"{group}_{i:03}": value
        for group in ("weights", "moments", "best")
        for i, value in enumerate(getattr(state, group))
    }
    np.savez(half, done=state.done, losses=state.losses, held_out=state.held_out, **arrays)
    half.replace(path)


def _read_state(path: Path) -> State | None:
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as stored:
        groups = {
            group: [stored[name] for name in sorted(stored.files) if name.startswith(f"{group}_")]
            for group in ("weights", "moments", "best")
        }
        return State(
            done=int(stored["done"]), losses=stored["losses"].tolist(),
            held_out=stored["held_out"].tolist(), **groups,
        )  # fmt: skip

"""Training of the sixteen-feature forest on any folder of recordings with a hypnogram."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier

from ml import package as packages
from ml.algorithms.sleep import about, annotations, channels, evaluation, forest16, reader
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.contracts import Text
from ml.package import Metric, Package
from ml.training import tracking
from ml.training.data import DataMissing, fingerprint
from ml.training.evaluation import as_metrics, stage_metrics

COMMAND = "python -m ml evaluate sleep --version {version} --data ../shared/data"
PREFIX = "forest-16-"
_LIMITS = (
    Text(
        "Trained on six recordings, five of them wake and N3 only; compatibility, not for reading.",
        "Entraîné sur six enregistrements, dont cinq réduits à l’éveil et au N3 ; compatibilité, pas "
        "pour la lecture.",
    ),
    Text(
        "Judges each epoch alone and by its amplitude: a wrong unit changes the stages.",
        "Juge chaque époque isolément et par son amplitude : une unité erronée change les stades.",
    ),
)


@dataclass(frozen=True, slots=True)
class Scored:
    """Scored epochs of several recordings: features (n, 16), labels (n,), recording (n,), position (n,)."""

    features: np.ndarray
    labels: np.ndarray
    recording: np.ndarray
    position: np.ndarray


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Train the forest and write ``out/sleep/forest-16-<version>``; see ``train.train``."""
    version = version if version.startswith(PREFIX) else f"{PREFIX}{version}"
    pairs = find_pairs(data)
    scored = read_pairs(pairs)
    settings = {**params["forest16"], "seed": params["seed"]}
    with tracking.run("sleep", f"train {version}", params=settings) as run:
        pinned = fingerprint(*(path for pair in pairs for path in pair))
        run.data(pinned)
        folder = out / "sleep" / version
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        forest = _forest(settings).fit(scored.features, scored.labels)
        (folder / forest16.FILE).write_bytes(_onnx(forest))
        manifest = _manifest(version, settings, pinned, [edf.name for edf, _ in pairs])
        manifest["metrics"] = [asdict(m) for m in _figures(scored, settings, version)]
        written = packages.write(folder, manifest)
        run.metrics(written.metrics)
        run.package(written)
    return written


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Repeat the blocked cross-validation with the package's own settings."""
    settings = package.manifest["training"]["params"]
    return _figures(read_pairs(find_pairs(data)), settings, package.version)


def find_pairs(data: Path) -> list[tuple[Path, Path]]:
    """Find recordings and their hypnograms.

    ``NAME.edf`` or ``NAME_night.edf`` with ``NAME_hypnogram.edf`` or with ``NAME.txt`` (one stage per
    line), and ``*-PSG.edf`` with the ``*-Hypnogram.edf`` of the same first seven letters, as Sleep-EDF
    names them; in ``data`` or, when it is the data folder, in its ``sleep/ucddb``.

    Raises
    ------
    DataMissing
        When there is not one pair.
    """
    folder = data / evaluation.UCDDB if (data / evaluation.UCDDB).is_dir() else data
    pairs = []
    for edf in sorted(folder.glob("*.edf")):
        if (hypnogram := _hypnogram_of(edf)) is not None:
            pairs.append((edf, hypnogram))
    if not pairs:
        raise DataMissing(data, ("NAME.edf", "NAME_hypnogram.edf"), hint="Or *-PSG.edf with *-Hypnogram.edf.")
    return pairs


def _hypnogram_of(edf: Path) -> Path | None:
    if edf.stem.endswith("-PSG"):
        return next(iter(sorted(edf.parent.glob(f"{edf.name[:7]}*-Hypnogram.edf"))), None)
    name = edf.stem.removesuffix("_night")
    candidates = (edf.with_name(f"{name}_hypnogram.edf"), edf.with_suffix(".txt"))
    return next((path for path in candidates if path.exists() and path != edf), None)


def read_pairs(pairs: list[tuple[Path, Path]]) -> Scored:
    """Read the scored epochs of all recordings, each from its best frontal or central EEG."""
    parts = []
    for number, (edf, hypnogram) in enumerate(pairs):
        text = hypnogram.suffix == ".txt"
        labels = evaluation.read_stage_lines(hypnogram) if text else annotations.read_hypnogram(hypnogram)
        x = forest16.features(*_one_eeg(edf))
        epochs = min(len(x), len(labels))
        kept = np.flatnonzero(labels[:epochs] >= 0)
        parts.append((x[kept], labels[kept], np.full(len(kept), number), kept))
    return Scored(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _one_eeg(edf: Path) -> tuple[np.ndarray, float]:
    header, signals = reader.read_header(edf)
    derivation = channels.choose(signals, {"eog": "none", "emg": "none"})[0][0]
    wanted = [i for i in (derivation.signal, derivation.minus) if i is not None]
    digital = reader.read_digital(edf, header, signals, wanted)
    samples = [reader.physical(digital[i], signals[i]) for i in wanted]
    difference = samples[0] - samples[1] if len(samples) == 2 else samples[0]
    return difference, reader.rate(header, signals[derivation.signal])


def _forest(settings: Mapping[str, Any]) -> RandomForestClassifier:
    return RandomForestClassifier(
        settings["trees"],
        min_samples_leaf=settings["min_samples_leaf"],
        class_weight="balanced",
        random_state=settings["seed"],
        n_jobs=1,
    )


def _onnx(forest: RandomForestClassifier) -> bytes:
    shape = FloatTensorType([None, len(forest16.NAMES)])
    model = to_onnx(forest, initial_types=[("features", shape)], options={"zipmap": False}, target_opset=17)
    return model.SerializeToString()


def _figures(scored: Scored, settings: Mapping[str, Any], version: str) -> list[Metric]:
    """Blocked cross-validation: whole blocks of consecutive epochs are held out."""
    block = scored.recording * 10_000 + scored.position // settings["block_epochs"]
    names, member = np.unique(block, return_inverse=True)
    rng = np.random.default_rng(settings["seed"])
    fold = (rng.permutation(len(names)) % settings["folds"])[member]
    staged = np.empty(len(scored.labels), int)
    for k in range(settings["folds"]):
        forest = _forest(settings).fit(scored.features[fold != k], scored.labels[fold != k])
        staged[fold == k] = forest.predict(scored.features[fold == k])
    recordings = len(np.unique(scored.recording))
    return as_metrics(
        stage_metrics(scored.labels, staged, member),
        data=f"{recordings} recordings, blocked {settings['folds']}-fold", n=recordings, unit="recordings",
        command=COMMAND.format(version=version),
        note=f"{len(staged)} epochs, mostly wake and N3, the same patients on both sides: optimistic; "
        "intervals over blocks",
    )  # fmt: skip


def _manifest(
    version: str, settings: Mapping[str, Any], pinned: str, recordings: list[str]
) -> dict[str, Any]:
    return {
        "algorithm": "sleep",
        "version": version,
        "input": {"features": list(forest16.NAMES), "unit": "uV", "epoch_seconds": EPOCH_SECONDS,
                  "stages": list(STAGES)},
        "thresholds": {},
        "metrics": [],
        "data": f"{len(recordings)} raw recordings: {', '.join(recordings)}",
        "intended_use": Text(
            "Compatibility with an older interface; not for reading. " + about.RESEARCH_USE.en,
            "Compatibilité avec une interface plus ancienne ; pas pour la lecture. " + about.RESEARCH_USE.fr,
        ).as_json(),
        "limits": [limit.as_json() for limit in _LIMITS],
        "training": {"recipe": "forest16", "params": dict(settings), "data_sha256": pinned},
    }  # fmt: skip

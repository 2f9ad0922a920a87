"""The three models on the same nights: ``python -m ml compare sleep --data FOLDER``.

No model is scored on a night it learned from. Where one did, the stages come from the package's held-out
stages: those of a model trained without that patient.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml import comparisons
from ml import package as packages
from ml.algorithms.sleep import forest16, held_out, load, pairs, rawcnn, sequence
from ml.algorithms.sleep.bandpower import IGNORED
from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.pairs import Pair, RawNight, Unfit
from ml.algorithms.sleep.predict import predict
from ml.contracts import Source, Text
from ml.package import Package
from ml.training import tracking
from ml.training.bootstrap import Interval
from ml.training.data import DataMissing, fingerprint
from ml.training.evaluation import stage_metrics, weighted_bootstrap

COMMAND = "python -m ml compare sleep --data {data}"
REFERENCE = "sequence"
# Ten minutes: neighbouring epochs are alike, so whole stretches are resampled.
_BLOCK_EPOCHS = 20
_FEWEST_PATIENTS = 5
_DECIMALS = 4
_LABELS = {
    "sequence": Text("sequence network (band powers)", "réseau séquentiel (puissances de bandes)"),
    "forest16": Text("random forest (16 features)", "forêt aléatoire (16 caractéristiques)"),
    "cnn": Text("convolutional network (raw epochs)", "réseau convolutif (époques brutes)"),
}
_UNSEEN = Text(
    "Recordings that none of the models learned from",
    "Enregistrements n’ayant servi à l’apprentissage d’aucun des modèles",
)
_HELD_OUT = Text(
    "Recordings that the models learned from: each staged by one trained without its patient",
    "Enregistrements ayant servi à l’apprentissage : cotés par un modèle entraîné sans le patient",
)
_PATIENTS = Text("intervals over patients", "intervalles sur les patients")
_BLOCKS = Text(
    "intervals over blocks of ten minutes; they say nothing of other patients",
    "intervalles sur des blocs de dix minutes ; ils ne disent rien d’autres patients",
)
# Sleep-EDF's own recordings: the sequence network learned from their band powers.
_COHORT = Text(
    "The sequence network learned from this cohort; its figures there are on its card.",
    "Le réseau séquentiel a appris de cette cohorte ; ses résultats figurent sur sa fiche.",
)


@dataclass(frozen=True, slots=True)
class Model:
    """One of the models: its recipe, its package with the graph in it, and how it stages a night."""

    recipe: str
    package: Package
    graph: str
    stage: Callable[[Package, Pair, RawNight], np.ndarray]

    @property
    def learned_from(self) -> Mapping[str, np.ndarray]:
        """Held-out stages of the recordings the package learned from, by sha256."""
        return held_out.stages(self.package) if held_out.FILE in self.package.manifest["files"] else {}


@dataclass(frozen=True, slots=True)
class Judged:
    """A night with its stages by every model, -1 where one said nothing."""

    night: RawNight
    stages: Mapping[str, np.ndarray]
    held_out: bool


def compare(data: Path, *, version: str = "", publish: bool = False) -> Iterator[dict[str, Any]]:
    """Compare the models on every pair of a folder that fits; the others are named on standard error.

    Parameters
    ----------
    data
        The data folder, or any folder of recordings with hypnograms.
    version
        The sequence package; the champion when empty.
    publish
        Whether to write the tables where the model page reads them, and to count the look.

    Yields
    ------
    dict
        One line per table and model.

    Raises
    ------
    DataMissing
        When there is no pair to compare on.
    """
    found, unfit = pairs.find(data)
    strangers = [pair for pair in found if not pair.name.upper().startswith("SC4")]
    unfit += [Unfit(pair.recording.name, _COHORT) for pair in found if pair not in strangers]
    models = _models(version)
    judged = [each for pair in strangers if (each := _judged(pair, models, unfit)) is not None]
    for line in pairs.told(unfit):
        sys.stderr.write(f"{line}\n")
    if not judged:
        raise pairs.nothing(data)
    halves = (
        (_UNSEEN, [each for each in judged if not each.held_out]),
        (_HELD_OUT, [each for each in judged if each.held_out]),
    )
    document = _document([_table(title, part, models) for title, part in halves if part], models, data)
    _track(document, models, fingerprint(*pairs.files(strangers)))
    if publish:
        comparisons.write_models("sleep", document)
    for table in document["tables"]:
        shared = {name: table[name] for name in ("patients", "nights", "epochs")}
        for row in table["rows"]:
            yield {"table": table["title"]["en"], **shared, **row, "label": row["label"]["en"]}


def _track(document: Mapping[str, Any], models: Sequence[Model], pinned: str) -> None:
    with tracking.run("sleep", "compare", params={m.recipe: m.package.version for m in models}) as run:
        run.data(pinned)
        for number, table in enumerate(document["tables"]):
            for row in table["rows"]:
                for name, found in row["figures"].items():
                    run.metric(f"{number}.{row['name']}.{name}", found["value"])


def _models(version: str) -> list[Model]:
    """The champion, or the version asked for, and the newest package of each other recipe.

    Raises
    ------
    DataMissing
        Naming the recipe of which there is no package.
    """
    serving = packages.serving("sleep", version)
    # The recordings compared on have one EEG: where a package has networks for these, they are looked at.
    own = sequence.RAW_FILE if sequence.RAW_FILE in serving.manifest["files"] else sequence.FILE
    found = [Model(REFERENCE, serving, own, _by_sequence)]
    others = [packages.load("sleep", name) for name in packages.versions("sleep")]
    for recipe, graph, stage in (("forest16", forest16.FILE, _by_forest), ("cnn", rawcnn.FILE, _by_cnn)):
        made = [p for p in others if p.manifest["training"]["recipe"] == recipe]
        if not made:
            hint = f"Train it: python -m ml train sleep --param recipe={recipe} --data FOLDER"
            raise DataMissing(packages.SITE / "sleep", (recipe,), hint)
        found.append(Model(recipe, max(made, key=lambda p: p.manifest["created"]), graph, stage))
    return found


def _by_sequence(package: Package, pair: Pair, night: RawNight) -> np.ndarray:
    result = predict(package, load.load(Source(path=pair.recording), package, alone=True))
    return np.array([STAGES.index(stage) if stage in STAGES else -1 for stage in result["stages"]])


def _by_forest(package: Package, pair: Pair, night: RawNight) -> np.ndarray:
    return forest16.probabilities(package, forest16.features(night.eeg, night.rate)).argmax(axis=1)


def _by_cnn(package: Package, pair: Pair, night: RawNight) -> np.ndarray:
    return rawcnn.probabilities(package, rawcnn.epochs_of(night.eeg, night.rate)).argmax(axis=1)


def _judged(pair: Pair, models: Sequence[Model], unfit: list[Unfit]) -> Judged | None:
    nights, problems = pairs.read([pair])
    unfit += problems
    if not nights:
        return None
    (night,) = nights
    learned = {model.recipe: model.learned_from.get(night.sha256) for model in models}
    stages = {
        model.recipe: _as_long(
            model.stage(model.package, pair, night)
            if learned[model.recipe] is None
            else learned[model.recipe],
            len(night.labels),
        )
        for model in models
    }
    return Judged(night, stages, any(each is not None for each in learned.values()))


def _as_long(stages: np.ndarray, epochs: int) -> np.ndarray:
    found = np.full(epochs, -1)
    found[: min(epochs, len(stages))] = stages[:epochs]
    return found


def _table(title: Text, judged: Sequence[Judged], models: Sequence[Model]) -> dict[str, Any]:
    """Score every model on the epochs that all of them and the scorer staged."""
    truth = np.concatenate([each.night.labels for each in judged])
    staged = {m.recipe: np.concatenate([each.stages[m.recipe] for each in judged]) for m in models}
    shared = np.logical_and.reduce([truth > IGNORED, truth >= 0, *(s >= 0 for s in staged.values())])
    patients = sorted({each.night.patient for each in judged})
    by_patient = len(patients) >= _FEWEST_PATIENTS
    groups = np.concatenate([_groups(i, each, by_patient) for i, each in enumerate(judged)])[shared]
    truth, staged = truth[shared], {name: each[shared] for name, each in staged.items()}
    counts = np.bincount(truth, minlength=len(STAGES))
    return {
        "title": title.as_json(),
        "patients": len(patients),
        "nights": len(judged),
        "epochs": len(truth),
        "scored": {stage: int(n) for stage, n in zip(STAGES, counts, strict=True) if n},
        "intervals": (_PATIENTS if by_patient else _BLOCKS).as_json(),
        "recordings": sorted(each.night.sha256 for each in judged),
        "reference": REFERENCE,
        "rows": [_row(model, truth, staged, groups) for model in models],
    }


def _groups(place: int, judged: Judged, by_patient: bool) -> np.ndarray:
    epochs = len(judged.night.labels)
    if by_patient:
        return np.full(epochs, judged.night.patient)
    return np.array([f"{place}/{i // _BLOCK_EPOCHS}" for i in range(epochs)])


def _row(
    model: Model, truth: np.ndarray, staged: Mapping[str, np.ndarray], groups: np.ndarray
) -> dict[str, Any]:
    figures = stage_metrics(truth, staged[model.recipe], groups)
    kept = ("kappa", "accuracy", "macro_f1", *(f"recall_{stage}" for stage in STAGES))
    difference = (
        None
        if model.recipe == REFERENCE
        else _difference(truth, staged[model.recipe], staged[REFERENCE], groups)
    )
    return {
        "name": model.recipe,
        "label": _LABELS[model.recipe].as_json(),
        "version": model.package.version,
        "sha256": model.package.sha256,
        # What those that learn from raw recordings saw is the first of their limits.
        "learned": model.package.limits[0].as_json() if model.learned_from else None,
        "figures": {name: _stored(figures[name]) for name in kept if name in figures},
        "kappa_difference": None if difference is None else _stored(difference),
    }


def _difference(truth: np.ndarray, one: np.ndarray, other: np.ndarray, groups: np.ndarray) -> Interval:
    """Return κ of one model less κ of the other, over the same samples of groups."""
    names, member = np.unique(groups, return_inverse=True)
    k = len(STAGES)
    confusions = []
    for staged in (one, other):
        counted = np.zeros((len(names), k * k))
        np.add.at(counted, (member, truth * k + staged), 1)
        confusions.append(counted)

    def statistics(w: np.ndarray) -> dict[str, np.ndarray]:
        first, second = (_kappa((w @ counted).reshape(-1, k, k)) for counted in confusions)
        return {"difference": first - second}

    return weighted_bootstrap(statistics, len(names))["difference"]


def _kappa(confusion: np.ndarray) -> np.ndarray:
    """Cohen's κ of confusion matrices of shape (samples, k, k); 0 where one stage is all there is."""
    n = confusion.sum(axis=(1, 2))
    agreed = np.trace(confusion, axis1=1, axis2=2) / n
    chance = (confusion.sum(axis=1) * confusion.sum(axis=2)).sum(axis=1) / n**2
    return np.divide(agreed - chance, 1 - chance, out=np.zeros_like(agreed), where=chance < 1)


def _stored(found: Interval) -> dict[str, float | None]:
    ends = {"value": found.value, "low": found.low, "high": found.high}
    return {name: None if end is None else round(end, _DECIMALS) for name, end in ends.items()}


def _document(tables: list[dict[str, Any]], models: Sequence[Model], data: Path) -> dict[str, Any]:
    """Add how many graphs of each model were looked at on the same recordings, this time included."""
    published = comparisons.of_models("sleep") or {"looks": []}
    looks = list(published["looks"])
    versions = {
        m.recipe: {"version": m.package.version, "graph": m.package.manifest["files"][m.graph]}
        for m in models
    }
    now = datetime.now(UTC).date().isoformat()
    for table in tables:
        look = {"recordings": table["recordings"], "packages": versions}
        if not any({name: old[name] for name in look} == look for old in looks):
            looks.append({**look, "at": now})
        same = [old for old in looks if old["recordings"] == table["recordings"]]
        for row in table["rows"]:
            row["looks"] = len({old["packages"][row["name"]]["graph"] for old in same})
    command = COMMAND.format(data=shlex.quote(data.as_posix()))
    return {"command": command, "tables": tables, "looks": looks}

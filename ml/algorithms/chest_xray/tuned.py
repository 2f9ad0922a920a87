"""Judge a tuned end of the network where it has never been, beside the frozen network it starts from.

    python -m ml.algorithms.chest_xray.tuned --data ../shared/data

Training images only, every ``every``-th; the rule is that of :mod:`ml.algorithms.chest_xray.validation`.
What each tuning says is kept below ``var/cache``: a run goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.algorithms.chest_xray import appearance, dataset, efficientnet_lite, ending, heads, maps, validation
from ml.algorithms.chest_xray.augment import FAMILIES
from ml.algorithms.chest_xray.cases import UNSEEN_SEED, Cases, gather
from ml.algorithms.chest_xray.features import CACHE, Extractor
from ml.training import data as training_data
from ml.training.commands import read_params

FROZEN, TUNED, BOTH = "nothing tuned", "end tuned", "mean of both scores"
OF_RECIPE = ("tuned", "seed", "copies", "damping", "regularisation", "balance")
"""Parameters on which a tuned end depends."""
LAST_OF_STAGE = ("lite_15_project_conv", "head_conv")
"""Layers that give the stages of the end."""
HEADER = "| left out | what | AUC | log loss | sensitivity | specificity | in the large |"
RULE = "|---" * 7 + "|"


@dataclass(frozen=True)
class Material:
    """Images, what the frozen head learns from, and what the end learns from beside.

    Parameters
    ----------
    cases, damped, matrix
        Features of every image and copy, the same damped, and the matrix that does it.
    maps
        Maps by name of copy; those not learned from have the names of
        :meth:`ml.algorithms.chest_xray.cases.Cases.copy`.
    fixed
        Features by name of copy learned from.
    altered
        By name of copy learned from: per family which images it alters.
    start
        Weights of the end before it is tuned.
    """

    cases: Cases
    damped: Cases
    matrix: np.ndarray
    maps: Mapping[str, np.ndarray]
    fixed: Mapping[str, np.ndarray]
    altered: Mapping[str, Mapping[str, np.ndarray]]
    start: Mapping[str, list[np.ndarray]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line per family and group left out, then the marks; 2 when data are missing."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.tuned", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    chosen = parser.parse_args(arguments)
    try:
        params = read_params(chosen.params, "chest_xray", [])
        for line in _lines(collect(chosen.data, params), params):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except training_data.DataMissing as error:
        sys.stderr.write(f"python -m ml.algorithms.chest_xray.tuned: {error}\n")
        return 2
    return 0


def collect(data: Path, params: Mapping[str, Any]) -> Material:
    """Compute features and maps of the images that take part, or read them from the cache."""
    images = dataset.kermany(data, "train")
    weights = {name: dataset.weights(data, name) for name in params["networks"]}
    fingerprint = training_data.fingerprint(*training_data.require(data, dataset.KERMANY, dataset.NIH))
    recipe, n = params["tuned"], len(images.y)
    rows = np.arange(0, n, recipe["every"])
    cases = gather(images, Extractor(params["networks"], weights, fingerprint), params)
    cases = cases.only(rows, np.arange(cases.clean.shape[1]))
    damped, matrix = cases.damped(params["damping"])
    made = maps.Maps(params["networks"][maps.NETWORK], weights[maps.NETWORK], fingerprint)
    found, fixed, altered = {}, {}, {}
    for copy, seed in (each for listed in recipe["copies"] for each in listed.items()):
        name = copy if copy == "clean" else f"{copy}-{seed}"
        fixed[name], found[name] = made.copies("kermany_train", images.pixels, copy, seed, recipe["every"])
        altered[name] = {family: by[rows] for family, by in maps.altered_by(copy, seed, n).items()}
    for name in (*FAMILIES, "shift"):
        apart = params["seed"] + UNSEEN_SEED
        _, found[name] = made.copies("kermany_train", images.pixels, name, apart, recipe["every"])
    network = efficientnet_lite.build(keras.Input((224, 224, 3)))
    efficientnet_lite.load(network, weights[maps.NETWORK])
    return Material(cases, damped, matrix, found, fixed, altered, ending.convolutions(network))


def _lines(material: Material, params: Mapping[str, Any]) -> Iterator[str]:
    yield HEADER
    yield RULE
    cases, sensitivity = material.cases, params["sensitivity"]
    parts = heads.blocks(cases.patients, params["blocks"])
    group = appearance.groups(cases.described, cases.patients, params["groups"], params["seed"])
    marks = []
    for what, learn in learners(material, params).items():
        groups = validation.unseen_groups(cases, group, parts, learn, sensitivity)
        scores = validation.unseen_families(cases, parts, learn)
        families, _ = validation.carried_over(cases.y, scores, sensitivity)
        yield from (_line(name, what, promise) for name, promise in {**families, **groups}.items())
        marks.append(f"{what} {validation.mark(families, groups):.4f}")
    yield f"mark: {'; '.join(marks)} (n = {len(cases.y)})"


def _line(name: str, what: str, promise: validation.Promise) -> str:
    return (
        f"| {name} | {what} | {promise.auc:.4f} | {promise.loss:.3f} | {promise.sensitivity:.3f} "
        f"| {promise.specificity:.3f} | {promise.in_the_large:.2f} |"
    )


def learners(
    material: Material, params: Mapping[str, Any], cache: Path = CACHE / "tuned"
) -> dict[str, validation.Learn]:
    """Return what is compared: the frozen network's head, the tuned end, and the mean of both scores."""
    strength, most = params["regularisation"], params["balance"]
    frozen = validation.linear(material.damped, strength, most)
    code = training_data.fingerprint(
        *(Path(__file__).with_name(f"{name}.py") for name in ("ending", "tuned"))
    )
    recipe = json.dumps([code, {name: params[name] for name in OF_RECIPE}], sort_keys=True)
    cache.mkdir(parents=True, exist_ok=True)

    def tuned(inside: np.ndarray, without: str) -> validation.Score:
        @functools.cache
        def made() -> ending.Ending:
            return _tuned(material, inside, without, params)

        def score(copy: str, rows: np.ndarray) -> np.ndarray:
            told = recipe.encode(), inside.tobytes(), rows.tobytes(), without.encode(), copy.encode()
            path = cache / f"{hashlib.sha256(b'|'.join(told)).hexdigest()[:24]}.npy"
            if not path.exists():
                features = made().features(material.cases.copy(copy)[rows], material.maps[copy][rows])
                np.save(path, made().head.logit(features))
            return np.load(path, allow_pickle=False)

        return score

    def both(inside: np.ndarray, without: str) -> validation.Score:
        one, other = frozen(inside, without), tuned(inside, without)
        return lambda copy, rows: (one(copy, rows) + other(copy, rows)) / 2

    return {FROZEN: frozen, TUNED: tuned, BOTH: both}


def _tuned(material: Material, inside: np.ndarray, without: str, params: Mapping[str, Any]) -> ending.Ending:
    """Fit the frozen head without a family of alterations, and tune the end from there without it too."""
    cases, recipe = material.cases, params["tuned"]
    strength, most = params["regularisation"], params["balance"]
    damped = validation.fit(material.damped, inside, strength, most, without)
    start = _as_of_features(damped, material, inside)
    width = 2 * sum(weights[1].size for name, weights in material.start.items() if name in LAST_OF_STAGE)
    added = {
        name: (features[inside, :-width] - start.centre[:-width]) @ start.weights[:-width]
        for name, features in material.fixed.items()
    }
    learned = ending.Learned(
        y=cases.y[inside],
        weights=appearance.weights(cases.y[inside], cases.described[inside], most),
        fixed=list(added.values()),
        maps=[material.maps[name][inside] for name in added],
        kept=[
            ~material.altered[name][without][inside] if without else np.ones(len(inside), bool)
            for name in added
        ],
    )
    return ending.tune(material.start, start, learned, recipe, recipe["seed"])


def _as_of_features(head: heads.Head, material: Material, inside: np.ndarray) -> heads.Head:
    """Write a head of damped features as one of the features, relative to the images learned from."""
    weights = material.matrix @ head.weights
    centre = material.cases.clean[inside].mean(axis=0).astype(np.float64)
    # Damped features are counted from the average of all images.
    moved = (centre - material.cases.clean.mean(axis=0)) @ weights - head.centre @ head.weights
    return heads.Head(centre, weights, float(head.intercept + moved))


if __name__ == "__main__":
    sys.exit(main())

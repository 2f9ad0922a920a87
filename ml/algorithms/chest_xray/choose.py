"""Compare recipes of head where they have never been; the table on the card.

    python -m ml.algorithms.chest_xray.choose --data ../shared/data

Training images only, every other one. The recipe with the least mark
(:func:`ml.algorithms.chest_xray.validation.mark`) is the one for ``params.yaml``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import appearance, dataset, heads, validation
from ml.algorithms.chest_xray.cases import Cases, gather
from ml.algorithms.chest_xray.features import Extractor
from ml.training import data as training_data
from ml.training import store, tracking, watching
from ml.training.commands import read_params
from ml.training.params import WrongParams

EVERY = 2
"""Every how many-th training image takes part: which recipe is better shows on half of them."""
HEADER = (
    "| recipe | mark | AUC, families (mean; worst) | sensitivity | specificity | in the large "
    "| AUC, groups | sensitivity | specificity | in the large |"
)
RULE = "|---" * 10 + "|"


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the recipes of ``chest_xray.candidates``; 2 when one is unknown or data are missing."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.choose", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    parser.add_argument("--only", nargs="+", metavar="RECIPE", help="these only")
    chosen = parser.parse_args(arguments)
    try:
        params = read_params(chosen.params, "chest_xray", [])
        for line in _lines(chosen.data, params, _asked(params, chosen.only)):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except (WrongParams, training_data.DataMissing, store.Unreachable) as error:
        sys.stderr.write(f"python -m ml.algorithms.chest_xray.choose: {error}\n")
        return 2
    return 0


def _asked(params: Mapping[str, Any], only: Sequence[str] | None) -> Mapping[str, Mapping[str, Any]]:
    """Return what each recipe asked for changes, by name; ``WrongParams`` when there is none of a name."""
    known = params.get("candidates") or {}
    if unknown := [repr(name) for name in only or () if name not in known]:
        allowed = "; ".join(repr(name) for name in known)
        raise WrongParams(f"--only {' '.join(unknown)}: no such recipe; chest_xray.candidates has {allowed}")
    return {name: known[name] for name in only or known}


def _lines(
    data: Path, params: Mapping[str, Any], asked: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:  # fmt: skip
    yield HEADER
    yield RULE
    images = dataset.kermany(data, "train")
    weights = {name: dataset.weights(data, name) for name in params["networks"]}
    fingerprint = training_data.fingerprint(*training_data.require(data, dataset.KERMANY, dataset.NIH))
    extractor = Extractor(params["networks"], weights, fingerprint)
    rows = np.arange(0, len(images.y), EVERY)

    @cache
    def damped(copies: int, damping: float, whole_only: bool) -> Cases:
        columns = extractor.whole if whole_only else np.ones(len(extractor.whole), bool)
        cases = gather(images, extractor, {**params, "copies": copies})
        return cases.only(rows, np.flatnonzero(columns)).damped(damping)[0]

    with tracking.run("chest_xray choose", "choose", params={"every": EVERY, "seed": params["seed"]}) as run:
        run.data(fingerprint, "Kermany 2018 and NIH ChestX-ray14")
        for place, (name, changes) in enumerate(asked.items()):
            recipe = {**params, **changes}
            cases = damped(recipe["copies"], recipe["damping"], recipe.get("whole_only", False))
            with tracking.run("chest_xray choose", name, params=changes, nested=True):
                mark, line = _judged(name, cases, recipe)
            run.metric("mark", mark, place)
            yield line


def _judged(name: str, damped: Cases, recipe: Mapping[str, Any]) -> tuple[float, str]:
    """Return the mark of a recipe and its line; its figures are told."""
    parts = heads.blocks(damped.patients, recipe["blocks"])
    group = appearance.groups(damped.described, damped.patients, recipe["groups"], recipe["seed"])
    strength, most, sensitivity = recipe["regularisation"], recipe["balance"], recipe["sensitivity"]
    learn = validation.linear(damped, strength, most)
    scores = validation.unseen_families(damped, parts, learn)
    families, _ = validation.carried_over(damped.y, scores, sensitivity)
    groups = validation.unseen_groups(damped, group, parts, learn, sensitivity)
    validation.tell({**families, **groups})
    mark = validation.mark(families, groups)
    watching.tell("mark", mark, 0)
    return mark, f"| {name} | {mark:.4f} | {_summary(families)} | {_summary(groups)} |"


def _summary(promises: Mapping[str, validation.Promise]) -> str:
    """Return mean and worst AUC, sensitivity and specificity, and the mean size of the shift."""
    found = []
    for figure in ("auc", "sensitivity", "specificity"):
        values = [getattr(promise, figure) for promise in promises.values()]
        found.append(f"{np.mean(values):.3f}; {min(values):.3f}")
    shifts = [abs(promise.in_the_large) for promise in promises.values()]
    return " | ".join([*found, f"{np.mean(shifts):.2f}; {max(shifts):.2f}"])


if __name__ == "__main__":
    sys.exit(main())

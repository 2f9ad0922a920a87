"""The chosen candidate tuned by Optuna, by the area under the curve under shift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ml.algorithms.chest_xray.bench.judging import judge
from ml.algorithms.chest_xray.bench.runs import Workshop, each_fold, run
from ml.algorithms.chest_xray.bench.settings import TUNED, WHERE, Bench, Settings, changed, different
from ml.algorithms.chest_xray.bench.stages import Found
from ml.algorithms.chest_xray.bench.wording import changes
from ml.contracts import Text
from ml.training import search, tracking
from ml.training.evaluation import roc_auc

EXPERIMENT = "chest_xray search"
LABEL = Text("best of {n} trials: {what}", "le meilleur de {n} essais : {what}")


def tune(bench: Bench, found: Found, trials: int) -> Found:
    """Search the space of ``params.yaml`` from the chosen candidate and add the best as a challenger.

    A trial below the median of the others is given up after a fold; a search that was stopped goes on.
    """
    base, shop = bench.candidates[found.chosen], found.shop
    about = {"base": asdict(base), "common": dict(bench.common), "images": shop.copies.images.key}
    with tracking.run(EXPERIMENT, "search", params=about) as tracked:
        best = search.search(
            lambda drawn: _scores(_drawn(base, drawn), shop, tracked),
            bench.search["space"],
            algorithm=EXPERIMENT,
            trials=trials,
            seed=bench.common["seed"],
            metric=bench.search["metric"],
            sampler=bench.search["sampler"],
            study="bench",
            about=about,
        )
        one = _drawn(base, best.params)
        result = run(TUNED, one, shop, EXPERIMENT)
    what = changes(different(one, base))
    label = Text(LABEL.en.format(n=best.trials, what=what.en), LABEL.fr.format(n=best.trials, what=what.fr))
    tuned = judge(result, label, shop.copies.images, shop.folds)
    return replace(found, challengers=(*found.challengers, tuned))


def _drawn(base: Settings, drawn: dict[str, Any]) -> Settings:
    return changed(base, drawn, f"{WHERE}.search.space")


def _scores(one: Settings, shop: Workshop, tracked: tracking.Run) -> Iterator[float]:
    """Yield the area under shift of the first fold, then averaged over the first two, and so on."""
    y, areas = shop.copies.images.y, []
    for held_out, shifted in each_fold(TUNED, one, shop, tracked):
        areas.append(np.mean([roc_auc(y[held_out], p) for p in shifted]))
        yield float(np.mean(areas))

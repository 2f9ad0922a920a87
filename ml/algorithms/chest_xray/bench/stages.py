"""The stages of the bench: candidates, challengers of the best, and finalists on stranger images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import dataset
from ml.algorithms.chest_xray.bench.images import Copies, Fold, Sample, cluster_folds, patient_folds, sample
from ml.algorithms.chest_xray.bench.judging import PLAIN, SHIFTED, Judged, best, judge, parts
from ml.algorithms.chest_xray.bench.networks import build
from ml.algorithms.chest_xray.bench.runs import Workshop, run
from ml.algorithms.chest_xray.bench.settings import WHERE, Bench, Settings, WrongSetting, changed, different
from ml.algorithms.chest_xray.bench.wording import changes, describe
from ml.contracts import Text
from ml.training import tracking
from ml.training.progress import progress

PATIENTS, CLUSTERS = "patients", "clusters"
EXPERIMENT = "chest_xray {stage}"
CANDIDATES, CHALLENGERS, FINALISTS = "candidates", "challengers", "finalists"


@dataclass(frozen=True)
class Found:
    """What the stages found.

    Parameters
    ----------
    candidates
        Every candidate; the chosen one by the area under the curve under shift is ``chosen``.
    challengers
        The chosen candidate first, then what was changed of it; empty when that stage was left out.
    finalists
        The reference, and whom each rule chooses, with clusters of look-alikes held out.
    """

    shop: Workshop
    candidates: tuple[Judged, ...]
    challengers: tuple[Judged, ...]
    finalists: tuple[Judged, ...]
    chosen: str

    def everybody(self) -> tuple[Judged, ...]:
        """Return every run by patients held out, each once, a challenger with what it is a change of."""
        of = self.challengers[0].label if self.challengers else Text("", "")
        full = (
            replace(run, label=Text(f"{of.en}; {run.label.en}", f"{of.fr}\u202f; {run.label.fr}"))
            for run in self.challengers[1:]
        )
        return (*self.candidates, *full)

    def winner(self, which: str) -> Judged:
        """Return whom a validation chooses among all."""
        return best(self.everybody(), which, self.shop.copies.images.y)


def workshop(bench: Bench, data: Path, folder: Path) -> Workshop:
    """Read the images and cut them, in every way that a later stage will.

    Raises
    ------
    ml.algorithms.chest_xray.bench.settings.WrongSetting
        When a fold would have too few patients, before anything is trained.
    ml.training.data.DataMissing
        When the images are not there.
    """
    images = sample(data, bench.common)
    folds = cuts(images, bench.common)
    copies = Copies(images, folder / "cache", bench.common["seed"])
    return Workshop(copies, folds, PATIENTS, bench.common, data, folder)


def cuts(images: Sample, common: Mapping[str, Any]) -> list[Fold]:
    """Return the folds by patients; ``WrongSetting`` when these, or those by clusters, cannot be made."""
    try:
        folds = patient_folds(images, common)
        for fold in (*folds, *cluster_folds(images, common)):
            parts(images, fold)
    except ValueError as error:
        raise WrongSetting(
            f"{WHERE}.images is {common['images']}, and {common['folds']} folds of {len(images.y)} images of "
            f"{len(np.unique(images.patients))} patients are too small: {error}; take more images"
        ) from error
    return folds


def candidates(bench: Bench, shop: Workshop) -> Found:
    """Run the candidates and choose one by the area under the curve under shift."""
    labels = {name: describe(one) for name, one in bench.candidates.items()}
    runs = _stage(CANDIDATES, bench.candidates, labels, shop)
    chosen = best(runs, SHIFTED, shop.copies.images.y)
    return Found(shop, tuple(runs), (), (), chosen.name)


def challengers(bench: Bench, found: Found) -> Found:
    """Change one thing of the chosen candidate after the other; a change that changes nothing is left out."""
    base = bench.candidates[found.chosen]
    known = list(bench.candidates.values())
    settings: dict[str, Settings] = {}
    for name, own in bench.challengers.items():
        one = changed(base, own, f"{WHERE}.challengers.{name}")
        if different(one, base) and one not in [*known, *settings.values()]:
            settings[name] = one
    labels = {name: changes(different(one, base)) for name, one in settings.items()}
    runs = _stage(CHALLENGERS, settings, labels, found.shop)
    first = next(run for run in found.candidates if run.name == found.chosen)
    return replace(found, challengers=(first, *runs))


def finalists(bench: Bench, found: Found) -> Found:
    """Hold out clusters of look-alikes for the reference and for whom each rule chooses."""
    cut = cluster_folds(found.shop.copies.images, bench.common)
    shop = replace(found.shop, folds=cut, held_out=CLUSTERS)
    named = {bench.reference, found.chosen, found.winner(PLAIN).name, found.winner(SHIFTED).name}
    asked = [run for run in found.everybody() if run.name in named]
    settings = {run.name: run.result.settings for run in asked}
    labels = {run.name: run.label for run in asked}
    return replace(found, finalists=tuple(_stage(FINALISTS, settings, labels, shop)))


def _stage(
    stage: str, settings: Mapping[str, Settings], labels: Mapping[str, Text], shop: Workshop
) -> list[Judged]:
    experiment = EXPERIMENT.format(stage=stage)
    with tracking.run(experiment, stage, params=dict(shop.common)) as tracked:
        tracked.data(shop.copies.images.key, "Kermany 2018")
        return [
            judge(run(name, one, shop, experiment), labels[name], shop.copies.images, shop.folds)
            for name, one in progress(settings.items(), stage, total=len(settings), unit="run")
        ]


def check(bench: Bench, data: Path) -> None:
    """Build every candidate once, and check every change of each: an error must not cost half an hour.

    Raises
    ------
    ml.algorithms.chest_xray.bench.settings.WrongSetting
        Naming the key, what it is and what is allowed.
    ml.training.data.DataMissing
        When the images or a weights file are not there, or weights cannot be downloaded.
    """
    dataset.rows(data)
    for name, one in bench.candidates.items():
        build(one, one.added_layers, data, f"{WHERE}.candidates.{name}")
        for other, own in bench.challengers.items():
            changed(one, own, f"{WHERE}.challengers.{other}")

"""Runs judged: each network recalibrated, then chosen among and compared on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from ml.algorithms.chest_xray.bench.images import Fold, Sample
from ml.algorithms.chest_xray.bench.runs import Result
from ml.algorithms.chest_xray.bench.settings import Bench
from ml.contracts import Text
from ml.training.calibration import fit_sigmoid
from ml.training.comparison import Comparison, Entry, compare
from ml.training.evaluation import logit, roc_auc
from ml.training.folds import Split, stratified_folds

COMMAND = "python -m ml.algorithms.chest_xray.bench --data ../shared/data --trials {trials}"
PLAIN, SHIFTED = "plain", "shifted"
PARTS = 5
"""Into how many parts a fold is cut: each is recalibrated by a sigmoid learned from the others."""
UNIT = Text("images", "images")
DATA = {
    PLAIN: Text(
        "held-out training images as they are", "images d’entraînement mises de côté, telles quelles"
    ),
    SHIFTED: Text(
        "held-out training images under shift (exposure, contrast, sharpness, crop, corners erased)",
        "images d’entraînement mises de côté et altérées (exposition, contraste, netteté, cadrage, coins "
        "effacés)",
    ),
}


@dataclass(frozen=True)
class Judged:
    """A run with its probabilities recalibrated, by validation: shape (copies, n)."""

    result: Result
    label: Text
    raw: Mapping[str, np.ndarray]
    calibrated: Mapping[str, np.ndarray]

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.result.name


def judge(result: Result, label: Text, images: Sample, folds: Sequence[Fold]) -> Judged:
    """Recalibrate a run, the network of each fold by itself.

    The networks of a run speak on scales of their own: pooled as they come, or recalibrated on what
    another network said, images are ordered by their fold as much as by what is seen on them. So every
    part of a fold's held-out patients gets the sigmoid that the others teach about the same network.
    """
    raw = {PLAIN: result.clean[None], SHIFTED: result.shifted}
    cut = [part for fold in folds for part in parts(images, fold)]
    calibrated = {which: np.stack([_calibrated(p, images.y, cut) for p in raw[which]]) for which in raw}
    return Judged(result, label, raw, calibrated)


def parts(images: Sample, fold: Fold) -> list[Split]:
    """Cut a fold's held-out images into what a sigmoid is learned from and what it is applied to.

    Returns
    -------
    list of tuple of ndarray
        Indices of the sample, :data:`PARTS` times; no patient is in both.

    Raises
    ------
    ValueError
        When a class has fewer patients than there are parts.
    """
    inside = fold.held_out
    splits = stratified_folds(images.y[inside], PARTS, seed=0, groups=images.patients[inside])
    return [(inside[others], inside[part]) for others, part in splits]


def _calibrated(p: np.ndarray, y: np.ndarray, cut: Sequence[Split]) -> np.ndarray:
    found = np.empty(len(y))
    for others, part in cut:
        # About their own middle: Newton's method does not find a curve that lies far from even odds.
        log_odds = logit(p)
        centred = expit(log_odds - log_odds[others].mean())
        try:
            found[part] = fit_sigmoid(centred[others], y[others]).apply(centred[part])
        except ValueError:
            # A network that says the same of every image has no curve: what is left is the frequency.
            found[part] = y[others].mean()
    return found


def area(judged: Judged, which: str, y: np.ndarray) -> float:
    """Return the area under the ROC curve of recalibrated probabilities, averaged over copies."""
    return float(np.mean([roc_auc(y, p) for p in judged.calibrated[which]]))


def best(runs: Sequence[Judged], which: str, y: np.ndarray) -> Judged:
    """Return the run of largest area under the curve on one validation; the first named wins a tie."""
    return max(runs, key=lambda run: area(run, which, y))


def table(
    runs: Sequence[Judged], which: str, images: Sample, bench: Bench, *, reference: str, title: Text,
    held_out: Text,
) -> Comparison:  # fmt: skip
    """Compare runs on one validation.

    Decisions are read at the share of pneumonia among the images: the recalibrated probability of an
    image whose appearance speaks for neither class.

    Parameters
    ----------
    reference
        Name of the run the others are compared with.
    held_out
        How the folds were cut, in words.
    """
    entries = [Entry(run.name, run.label, run.raw[which], run.calibrated[which]) for run in runs]
    data = DATA[which]
    return compare(
        entries,
        images.y,
        reference=reference,
        threshold=float(images.y.mean()),
        data=Text(f"{data.en}; {held_out.en}", f"{data.fr}\u202f; {held_out.fr}"),
        command=COMMAND.format(trials=bench.search["trials"]),
        unit=UNIT,
        title=title,
        groups=images.patients,
        recall=bench.sensitivity,
        seed=bench.common["seed"],
        repeats=bench.samples,
    )

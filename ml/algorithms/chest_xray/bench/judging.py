"""Runs judged: recalibrated across folds, chosen among, and compared on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.algorithms.chest_xray.bench.images import Fold, Sample
from ml.algorithms.chest_xray.bench.runs import Result
from ml.algorithms.chest_xray.bench.settings import Bench
from ml.contracts import Text
from ml.training.calibration import fit_sigmoid
from ml.training.comparison import Comparison, Entry, compare
from ml.training.evaluation import roc_auc

COMMAND = "python -m ml.algorithms.chest_xray.bench --data ../shared/data"
PLAIN, SHIFTED = "plain", "shifted"
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
    """Recalibrate a run: a sigmoid per held-out fold, fitted to the other folds, at their prevalence."""
    raw = {PLAIN: result.clean[None], SHIFTED: result.shifted}
    calibrated = {which: np.stack([_calibrated(p, images.y, folds) for p in raw[which]]) for which in raw}
    return Judged(result, label, raw, calibrated)


def _calibrated(p: np.ndarray, y: np.ndarray, folds: Sequence[Fold]) -> np.ndarray:
    found = np.empty(len(y))
    for fold in folds:
        others = np.setdiff1d(np.arange(len(y)), fold.held_out)
        try:
            found[fold.held_out] = fit_sigmoid(p[others], y[others]).apply(p[fold.held_out])
        except ValueError:
            # A network that says the same of every image has no curve: what is left is the frequency.
            found[fold.held_out] = y[others].mean()
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
        data=Text(f"{data.en}; {held_out.en}", f"{data.fr} ; {held_out.fr}"),
        command=COMMAND,
        unit=UNIT,
        title=title,
        groups=images.patients,
        recall=bench.sensitivity,
        seed=bench.common["seed"],
        repeats=bench.samples,
    )

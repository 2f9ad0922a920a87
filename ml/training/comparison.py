"""One table over all recipes: raw beside recalibrated, with differences that are paired.

Every recipe is judged on the same rows, out of fold, and on the same bootstrap samples of them. Whether
one is better than the reference is read off the interval of the difference, never off two point values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ml.contracts import Text
from ml.tabular.preparation import Table, take
from ml.training import watching
from ml.training.bootstrap import Interval
from ml.training.calibration import log_loss
from ml.training.evaluation import Question, Sampled, sampled_figures
from ml.training.folds import repeated
from ml.training.pipeline import Recipe, fit
from ml.training.progress import progress
from ml.training.thresholds import CostMatrix

FILE = "comparison.json"
DECIMALS = 6
TITLE = Text("Comparison of the recipes", "Comparaison des recettes")

# Figures whose differences are judged, and which way is better.
MORE, LESS = 1, -1
JUDGED = {"roc_auc": MORE, "pr_auc": MORE, "precision_at_recall": MORE, "brier": LESS}
DECISION = {"net_benefit": MORE}
DECISION_WITH_COSTS = {"cost": LESS}

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"


@dataclass(frozen=True)
class Entry:
    """A recipe with its out-of-fold probabilities.

    Parameters
    ----------
    raw, calibrated
        Shape (repeats, n): before and after recalibration. Neither was learnt on the row it judges. A
        recipe that is not trained on these rows at all has one repeat.
    """

    name: str
    label: Text
    raw: np.ndarray
    calibrated: np.ndarray


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much a recipe's figure is above the reference's.

    Parameters
    ----------
    low, high
        95 % interval of the paired difference, holding jointly for all differences of the comparison.
    verdict
        ``better`` or ``worse`` only when the interval excludes zero, else ``undecided``.
    """

    value: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class Row:
    """One recipe of the table.

    Parameters
    ----------
    raw, calibrated
        Figures by name with their 95 % intervals, before and after recalibration.
    differences
        Recalibrated figure minus the reference's; empty for the reference itself.
    """

    name: str
    label: Text
    raw: dict[str, Interval]
    calibrated: dict[str, Interval]
    differences: dict[str, Difference] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """The table, with everything needed to believe it.

    Parameters
    ----------
    data
        What was judged on, in words.
    synthetic
        Whether the data is made up: its figures are then no clinical performance.
    tests
        Number of differences judged together.
    samples
        Number of bootstrap samples behind every interval.
    """

    title: Text
    data: Text
    unit: Text
    n: int
    events: int
    synthetic: bool
    reference: str
    threshold: float
    recall: float
    costs: dict[str, float] | None
    command: str
    samples: int
    tests: int
    rows: tuple[Row, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the stored form, with numbers of at most six decimals."""
        return _rounded(asdict(self))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Comparison:
        """Rebuild a comparison stored by :meth:`as_json`."""
        texts = {name: Text.from_json(stored[name]) for name in ("title", "data", "unit")}
        rows = tuple(
            Row(
                name=row["name"],
                label=Text.from_json(row["label"]),
                raw={name: Interval(**found) for name, found in row["raw"].items()},
                calibrated={name: Interval(**found) for name, found in row["calibrated"].items()},
                differences={name: Difference(**found) for name, found in row["differences"].items()},
            )
            for row in stored["rows"]
        )
        return cls(**{**stored, **texts, "rows": rows})


def document(comparisons: Iterable[Comparison]) -> dict[str, Any]:
    """Return the contents of a package's ``comparison.json``."""
    return {"comparisons": [comparison.as_json() for comparison in comparisons]}


def out_of_fold(
    recipe: Recipe,
    table: Table,
    y: np.ndarray,
    *,
    label: Text,
    folds: int,
    repeats: int,
    seed: int,
    groups: np.ndarray | None = None,
) -> Entry:
    """Return a recipe's probabilities from repeated cross-validation.

    In every fold preparation, resampling, fit and recalibration see the training part alone; the
    recalibration curve comes from an inner cross-validation at natural prevalence.

    Parameters
    ----------
    folds, repeats, seed
        As in :func:`ml.training.folds.repeated`; recipes compared with each other get the same.
    groups
        Shape (n,): what must not be torn apart by folds.
    """
    y = np.asarray(y)
    raw, calibrated = np.empty((repeats, len(y))), np.empty((repeats, len(y)))
    splits = list(repeated(y, folds, repeats, seed, groups))
    for number, (repeat, train, test) in enumerate(
        progress(splits, f"{recipe.name}, out of fold", unit="fold")
    ):
        inner = None if groups is None else np.asarray(groups)[train]
        with watching.part(f"compared.{recipe.name}.fold_{number}"):
            model = fit(recipe, take(table, train), y[train], inner)
        judged = take(table, test)
        raw[repeat, test] = model.raw(judged)
        calibrated[repeat, test] = model.probabilities(judged)
        loss = log_loss(calibrated[repeat, test], y[test])
        watching.tell(f"compared.{recipe.name}.fold_log_loss", loss, number)
    return Entry(recipe.name, label, raw, calibrated)


def compare(
    entries: Sequence[Entry],
    y: np.ndarray,
    *,
    reference: str,
    threshold: float,
    data: Text | str,
    command: str,
    unit: Text | str,
    title: Text = TITLE,
    synthetic: bool = False,
    groups: np.ndarray | None = None,
    costs: CostMatrix | None = None,
    recall: float = 0.69,
    seed: int = 0,
    repeats: int = 1000,
) -> Comparison:
    """Judge recipes on the same rows and the same bootstrap samples.

    Parameters
    ----------
    entries
        The recipes, with probabilities of the rows ``y``.
    reference
        Name of the entry the others are compared with.
    threshold
        Operating point; a case is flagged when its probability reaches it.
    data, unit
        What was judged on, and what its cases are, in words (a string for both languages).
    synthetic
        Whether the data is made up.
    groups
        Shape (n,): whole groups are resampled.
    costs
        Adds cost, saving and profit; the cost is then judged in place of the net benefit.
    recall
        Share of the events at which ``precision_at_recall`` is read.
    repeats
        Number of bootstrap samples.

    Raises
    ------
    ValueError
        When the reference is not among the entries, a name occurs twice, probabilities do not fit the
        labels, or there are too few events for any interval.
    """
    names = [entry.name for entry in entries]
    if reference not in names or len(set(names)) != len(names):
        raise ValueError(f"expected distinct entries with {reference!r} among them, got {names}")
    probabilities = {(e.name, kind): getattr(e, kind) for e in entries for kind in ("raw", "calibrated")}
    question = Question(threshold, costs, recall)
    found = sampled_figures(y, probabilities, question, groups, repeats=repeats, seed=seed)
    differences = _differences({name: found[name, "calibrated"] for name in names}, reference, costs)
    rows = tuple(
        Row(
            e.name, e.label, _intervals(found[e.name, "raw"]), _intervals(found[e.name, "calibrated"]),
            differences.get(e.name, {}),
        )
        for e in entries
    )  # fmt: skip
    return Comparison(
        title=title, data=_text(data), unit=_text(unit), n=len(y), events=int(np.sum(y)), synthetic=synthetic,
        reference=reference, threshold=threshold, recall=recall,
        costs=None if costs is None else {**asdict(costs), "gain": costs.earned},
        command=command, samples=repeats, tests=sum(map(len, differences.values())), rows=rows,
    )  # fmt: skip


def _intervals(sampled: Sampled) -> dict[str, Interval]:
    return {name: sampled.interval(name) for name in sampled.values}


def _differences(
    found: Mapping[str, Sampled], reference: str, costs: CostMatrix | None
) -> dict[str, dict[str, Difference]]:
    """Return the judged differences of every recipe but the reference, by recipe and figure."""
    base = found[reference]
    wanted = JUDGED | (DECISION if costs is None else DECISION_WITH_COSTS)
    pairs = [
        (name, figure)
        for name, sampled in found.items()
        for figure in wanted
        if name != reference and figure in sampled.values and figure in base.values
    ]
    if not pairs:
        return {}
    values = np.array([found[name].values[figure] - base.values[figure] for name, figure in pairs])
    samples = np.stack([found[name].samples[figure] - base.samples[figure] for name, figure in pairs])
    judged: dict[str, dict[str, Difference]] = {}
    for (name, figure), value, (low, high) in zip(pairs, values, _joint(values, samples), strict=True):
        # Judged as stored: an interval that reads "from 0" does not exclude it.
        verdict = _verdict(round(low, DECIMALS), round(high, DECIMALS), wanted[figure])
        judged.setdefault(name, {})[figure] = Difference(float(value), low, high, verdict)
    return judged


def _joint(values: np.ndarray, samples: np.ndarray) -> list[tuple[float, float]]:
    """Return 95 % intervals that hold for all differences at once.

    Single-step maximum of studentised differences over bootstrap samples (Westfall and Young 1993;
    Romano and Wolf 2005): unlike Bonferroni's it uses how the recipes' errors go together.

    Parameters
    ----------
    values
        Shape (differences,).
    samples
        Shape (differences, samples).
    """
    samples = samples[:, np.isfinite(samples).all(axis=0)]
    if samples.shape[1] < 2:
        raise ValueError("no interval: hardly any bootstrap sample holds both events and others")
    spread = samples.std(axis=1)
    moves = spread > 0
    widest = np.abs(samples - values[:, None])[moves] / spread[moves, None]
    factor = np.quantile(widest.max(axis=0), 0.95) if moves.any() else 0.0
    half = np.where(moves, factor * spread, 0.0)
    return [(float(value - h), float(value + h)) for value, h in zip(values, half, strict=True)]


def _verdict(low: float, high: float, direction: int) -> str:
    if low <= 0 <= high:
        return UNDECIDED
    return BETTER if (low > 0) == (direction == MORE) else WORSE


def _text(words: Text | str) -> Text:
    return words if isinstance(words, Text) else Text(words, words)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value

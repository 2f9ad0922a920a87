"""From typed rows to the numbers a model takes: the same code in training and in serving.

Everything it learns (medians, fences, levels, scales) comes from the rows it is fitted on, so a
resampling loop that fits it inside each training fold leaks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Table = Mapping[str, np.ndarray]
FENCE, DEVIATIONS = 1.5, 3.0
OUTLIERS = ("none", "iqr", "z")
SCALINGS = ("none", "standard", "robust")
OPERATIONS = ("ratio", "product", "difference", "log")


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric column or derived feature: filled, fenced, centred and scaled in this order."""

    name: str
    fill: float
    low: float | None
    high: float | None
    center: float
    scale: float


@dataclass(frozen=True, slots=True)
class Category:
    """A categorical column, one indicator per frequent level; rare and new levels give all zeros."""

    name: str
    fill: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Derived:
    """A feature of numeric columns: ``ratio`` a/b, ``product`` a·b, ``difference`` a−b, ``log`` log(1+a)."""

    name: str
    operation: str
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preparation:
    """A fitted preparation; see :func:`fit`.

    Parameters
    ----------
    kept
        Features that were selected, in order; ``None`` keeps all.
    """

    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]
    derived: tuple[Derived, ...]
    kept: tuple[str, ...] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns of :meth:`transform`, in order."""
        return self._all_features if self.kept is None else self.kept

    def transform(self, table: Table) -> np.ndarray:
        """Return the model's input.

        Parameters
        ----------
        table
            Columns of shape (n,): floats with ``nan`` or objects with ``None`` where not given.

        Returns
        -------
        ndarray of float32, shape (n, len(features))
        """
        return self.encoded(self.coded(table))

    def coded(self, table: Table) -> np.ndarray:
        """Return filled, fenced and scaled numbers, then one level code per categorical column.

        The form rows are resampled in: a synthetic row made here has one level per column.

        Returns
        -------
        ndarray of float, shape (n, numbers + categories)
            A code is the index of the level; all rare and new levels share the code after the last.
        """
        fills = {n.name: n.fill for n in self.numbers}
        made = {d.name for d in self.derived}
        raw = {n.name: _filled(table[n.name], fills[n.name]) for n in self.numbers if n.name not in made}
        columns = _with_derived(raw, self.derived)
        parts = [_scaled(columns[n.name], n) for n in self.numbers]
        parts.extend(_codes(table[c.name], c) for c in self.categories)
        return np.stack(parts, axis=1)

    def encoded(self, coded: np.ndarray) -> np.ndarray:
        """Return the features, float32, of rows in the form of :meth:`coded`."""
        parts = list(coded[:, : len(self.numbers)].T)
        for category, codes in zip(self.categories, coded[:, len(self.numbers) :].T, strict=True):
            parts.extend(codes == i for i in range(len(category.levels)))
        if self.kept is not None:
            place = {name: i for i, name in enumerate(self._all_features)}
            parts = [parts[place[name]] for name in self.kept]
        return np.stack(parts, axis=1).astype(np.float32)

    @property
    def _all_features(self) -> tuple[str, ...]:
        indicators = (f"{c.name}={level}" for c in self.categories for level in c.levels)
        return (*(n.name for n in self.numbers), *indicators)

    def as_json(self) -> dict[str, Any]:
        """Return the form stored in a package."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preparation:
        """Rebuild a preparation stored by :meth:`as_json`."""
        return cls(
            numbers=tuple(Number(**n) for n in value["numbers"]),
            categories=tuple(Category(c["name"], c["fill"], tuple(c["levels"])) for c in value["categories"]),
            derived=tuple(Derived(d["name"], d["operation"], tuple(d["of"])) for d in value["derived"]),
            kept=tuple(value["kept"]) if value.get("kept") is not None else None,
        )


def fit(
    table: Table,
    numbers: Sequence[str],
    categories: Sequence[str],
    *,
    derived: Sequence[Derived] = (),
    outliers: str = "iqr",
    scaling: str = "standard",
    min_count: int = 1,
) -> Preparation:
    """Learn a preparation from training rows.

    Parameters
    ----------
    numbers, categories
        Columns of ``table`` to use.
    derived
        Features made of the filled numeric columns.
    outliers
        ``"iqr"`` pulls values beyond 1.5 interquartile ranges from the quartiles back to that
        fence (Tukey 1977), ``"z"`` those beyond 3 standard deviations from the mean; ``"none"``
        leaves them.
    scaling
        ``"standard"`` (mean 0, standard deviation 1 after fencing), ``"robust"`` (median 0,
        interquartile range 1; the standard deviation where half of the values are the same) or ``"none"``.
    min_count
        Levels seen less often share the all-zero code of unknown levels.

    Raises
    ------
    ValueError
        For an unknown option or operation.
    """
    _checked(outliers, scaling, derived)
    fills = {name: _median(table[name]) for name in numbers}
    columns = _with_derived({name: _filled(table[name], fills[name]) for name in numbers}, derived)
    return Preparation(
        numbers=tuple(
            _fit_number(name, values, fills.get(name, 0.0), outliers, scaling)
            for name, values in columns.items()
        ),
        categories=tuple(_fit_category(name, table[name], min_count) for name in categories),
        derived=tuple(derived),
    )


@dataclass(frozen=True, slots=True)
class Outliers:
    """Values of a numeric column far from the others; see :func:`outlier_report`.

    Parameters
    ----------
    n, missing
        Values given and not given.
    low, high
        Tukey's fences; ``None`` where half of the values are the same, which leaves no spread.
    beyond_fences, beyond_z
        Values outside the fences, and more than 3 standard deviations from the mean.
    """

    n: int
    missing: int
    low: float | None
    high: float | None
    beyond_fences: int
    beyond_z: int


def outlier_report(table: Table, numbers: Sequence[str]) -> dict[str, Outliers]:
    """Count the outliers of each numeric column, by interquartile range and by Z score.

    Nothing is changed: what a training does with them is its recipe's ``outliers``.
    """
    return {name: _outliers(_floats(table[name])) for name in numbers}


def _outliers(values: np.ndarray) -> Outliers:
    given = values[np.isfinite(values)]
    low, high = _fences(given, "iqr")
    return Outliers(
        n=len(given),
        missing=len(values) - len(given),
        low=low,
        high=high,
        beyond_fences=_beyond(given, low, high),
        beyond_z=_beyond(given, *_fences(given, "z")),
    )


def _beyond(values: np.ndarray, low: float | None, high: float | None) -> int:
    return 0 if low is None or high is None else int(np.sum((values < low) | (values > high)))


def table_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Turn typed rows into columns of objects."""
    return {name: np.array([row.get(name) for row in rows], dtype=object) for name in names}


def take(table: Table, index: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rows ``index`` of every column."""
    return {name: values[index] for name, values in table.items()}


def _checked(outliers: str, scaling: str, derived: Sequence[Derived]) -> None:
    if outliers not in OUTLIERS:
        raise ValueError(f"outliers must be one of {', '.join(OUTLIERS)}, got {outliers!r}")
    if scaling not in SCALINGS:
        raise ValueError(f"scaling must be one of {', '.join(SCALINGS)}, got {scaling!r}")
    for feature in derived:
        if feature.operation not in OPERATIONS:
            raise ValueError(f"derived feature {feature.name}: unknown operation {feature.operation!r}")


def _fit_number(name: str, values: np.ndarray, fill: float, outliers: str, scaling: str) -> Number:
    low, high = _fences(values, outliers)
    center, scale = _scale(_fenced(values, low, high), scaling)
    return Number(name, fill, low, high, center, scale or 1.0)


def _fences(values: np.ndarray, outliers: str) -> tuple[float, float] | tuple[None, None]:
    """Return the limits beyond which a value is an outlier, if it can be said."""
    if outliers == "none" or not len(values):
        return None, None
    if outliers == "z":
        mean, reach = float(values.mean()), DEVIATIONS * float(values.std())
        return (mean - reach, mean + reach) if reach > 0 else (None, None)
    q1, q3 = np.percentile(values, (25, 75))
    # A column that is nearly constant has no spread to judge outliers by.
    return (float(q1 - FENCE * (q3 - q1)), float(q3 + FENCE * (q3 - q1))) if q3 > q1 else (None, None)


def _scale(values: np.ndarray, scaling: str) -> tuple[float, float]:
    if scaling == "none":
        return 0.0, 1.0
    if scaling == "robust":
        q1, median, q3 = np.percentile(values, (25, 50, 75))
        return float(median), float(q3 - q1) or float(values.std())
    return float(values.mean()), float(values.std())


def _fit_category(name: str, values: np.ndarray, min_count: int) -> Category:
    given = np.array([v for v in values if v is not None], dtype=str)
    levels, counts = np.unique(given, return_counts=True)
    frequent = tuple(str(level) for level, count in zip(levels, counts, strict=True) if count >= min_count)
    fill = str(levels[np.argmax(counts)]) if len(levels) else ""
    return Category(name, fill, frequent)


def _with_derived(columns: dict[str, np.ndarray], derived: Sequence[Derived]) -> dict[str, np.ndarray]:
    made = {d.name: _derive(d.operation, [columns[name] for name in d.of]) for d in derived}
    return columns | made


def _derive(operation: str, operands: list[np.ndarray]) -> np.ndarray:
    if operation == "log":
        return np.log1p(np.maximum(operands[0], 0.0))
    if operation == "product":
        return operands[0] * operands[1]
    if operation == "difference":
        return operands[0] - operands[1]
    return np.divide(operands[0], operands[1], out=np.zeros_like(operands[0]), where=operands[1] != 0)


def _scaled(values: np.ndarray, number: Number) -> np.ndarray:
    return (_fenced(values, number.low, number.high) - number.center) / number.scale


def _fenced(values: np.ndarray, low: float | None, high: float | None) -> np.ndarray:
    return values if low is None or high is None else np.clip(values, low, high)


def _floats(values: np.ndarray) -> np.ndarray:
    # None becomes nan.
    return np.asarray(values).astype(float)


def _median(values: np.ndarray) -> float:
    given = _floats(values)
    given = given[np.isfinite(given)]
    return float(np.median(given)) if len(given) else 0.0


def _filled(values: np.ndarray, fill: float) -> np.ndarray:
    values = _floats(values)
    return np.where(np.isfinite(values), values, fill)


def _codes(values: np.ndarray, category: Category) -> np.ndarray:
    code = {level: i for i, level in enumerate(category.levels)}
    other = len(category.levels)
    return np.array([code.get(category.fill if v is None else str(v), other) for v in values], dtype=float)

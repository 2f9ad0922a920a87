"""What is in a labelled table before anything is learnt from it: classes, gaps, outliers, levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ml.tabular import preparation
from ml.tabular.preparation import Derived, Table

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def describe(
    table: Table,
    y: np.ndarray,
    numbers: Sequence[str],
    categories: Sequence[str],
    *,
    derived: Sequence[Derived] = (),
    events: str,
) -> dict[str, Any]:
    """Analyse a typed table and its labels.

    Parameters
    ----------
    table
        Columns of shape (n,), ``None`` where not given.
    y
        Shape (n,): 0 or 1.
    derived
        Features made of numeric columns; described like them, on the filled columns.
    events
        What a label 1 is ("bad credit").

    Returns
    -------
    dict
        ``rows``, ``classes`` (cases, events, their share, rows per event), ``duplicates`` (rows
        that equal an earlier one in every field), ``incomplete_rows``, ``numbers`` and ``derived``
        (missing, mean, sd, quantiles, outliers by Tukey's fences and beyond 3 standard
        deviations, means of both classes), ``categories`` (missing, and per level how many
        rows and which share of events).
    """
    made = _made(table, numbers, derived)
    return {
        "rows": len(y),
        "classes": _classes(y, events),
        "duplicates": _duplicates(table),
        "incomplete_rows": int(np.any([_missing(values) for values in table.values()], axis=0).sum()),
        "numbers": _numbers(table, y, numbers),
        "derived": {
            feature.name: {"operation": feature.operation, "of": list(feature.of), **found}
            for feature, found in zip(
                derived, _numbers(made, y, [d.name for d in derived]).values(), strict=True
            )
        },
        "categories": {name: _levels(table[name], y) for name in categories},
    }


def _classes(y: np.ndarray, events: str) -> dict[str, Any]:
    positive = int(np.sum(y))
    return {
        "event": events,
        "events": positive,
        "others": len(y) - positive,
        "share": round(positive / len(y), 4),
        "others_per_event": round((len(y) - positive) / positive, 2) if positive else None,
    }


def _duplicates(table: Table) -> int:
    rows = Counter(zip(*table.values(), strict=True))
    return sum(count - 1 for count in rows.values())


def _numbers(table: Table, y: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    outliers = preparation.outlier_report(table, names)
    return {name: _number(table[name], y) | {"outliers": asdict(outliers[name])} for name in names}


def _number(values: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    missing = _missing(values)
    given = values[~missing].astype(float)
    return {
        "missing": int(missing.sum()),
        "mean": _rounded(given.mean()),
        "sd": _rounded(given.std()),
        "quantiles": {f"{q:g}": _rounded(np.quantile(given, q)) for q in QUANTILES},
        "mean_of_events": _rounded(given[y[~missing] == 1].mean()),
        "mean_of_others": _rounded(given[y[~missing] == 0].mean()),
    }


def _levels(values: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    missing = _missing(values)
    words = np.array([str(value) for value in values])
    return {
        "missing": int(missing.sum()),
        "levels": {
            level: {"rows": count, "share_of_events": _rounded(y[(words == level) & ~missing].mean())}
            for level, count in Counter(words[~missing].tolist()).most_common()
        },
    }


def _made(table: Table, numbers: Sequence[str], derived: Sequence[Derived]) -> Table:
    """Return the derived columns, unscaled and unfenced."""
    fitted = preparation.fit(table, numbers, (), derived=derived, outliers="none", scaling="none")
    features = fitted.transform(table).astype(float)
    return {name: features[:, i] for i, name in enumerate(fitted.features)}


def _missing(values: np.ndarray) -> np.ndarray:
    return np.array([value is None or value != value for value in values])


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")

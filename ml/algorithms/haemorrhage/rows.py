"""Answer many admissions at once, one short line each; the assessment of one is in :mod:`predict`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml.algorithms.haemorrhage import batch, operating
from ml.algorithms.haemorrhage.load import Admission
from ml.package import Package

COLUMNS = ("risk", "interval_low", "interval_high", "incidence", "threshold", "flagged", "unknown")


def answers(package: Package, rows: Sequence[Admission]) -> list[dict[str, Any]]:
    """Return the figures of each admission, in order; all of one ward.

    Returns
    -------
    list of dict
        ``risk`` with ``interval_low`` and ``interval_high`` (0–1, 95 %), ``incidence``, ``threshold``,
        ``flagged``, and ``unknown``: the questions nobody answered, over which the figure is averaged.
    """
    if not rows:
        return []
    incidence, flag_share = rows[0].incidence, rows[0].flag_share
    threshold = operating.of(package, incidence, flag_share).points[0].threshold
    found = batch.risks(package, [row.typed for row in rows], incidence)
    return [
        {
            "risk": float(risk),
            "interval_low": float(low),
            "interval_high": float(high),
            "incidence": incidence,
            "threshold": threshold,
            "flagged": "yes" if risk >= threshold else "no",
            "unknown": "; ".join(row.unknown),
        }
        for row, risk, (low, high) in zip(rows, found.risk, found.interval, strict=True)
    ]

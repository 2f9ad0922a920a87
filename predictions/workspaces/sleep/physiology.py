"""Oxygen, breathing, spindles and slow waves of a night as shown, in the words every document uses."""

from __future__ import annotations

from typing import Any

from ml.algorithms.sleep import physiology
from predictions.workspaces.sleep.scoring import Hypnogram

# Unit and decimals of each kind of figure.
UNITS = {
    "per_hour": ("/h", 1),
    "per_minute": ("/min", 2),
    "percent": ("%", 1),
    "minutes": ("min", 1),
    "hours": ("h", 1),
    "seconds": ("s", 1),
    "hertz": ("Hz", 1),
    "microvolts": ("µV", 0),
    "count": ("", 0),
    "burden": ("% · min/h", 1),
}


def sections(hypnogram: Hypnogram) -> list[dict[str, Any]]:
    """Return what was screened for in a night, over the sleep of ``hypnogram``.

    Returns
    -------
    list of dict
        ``title``, ``label`` of the channel, ``rows`` (``label``, ``value``, ``unit``, ``digits``,
        ``formula``, ``source``), ``reasons`` (texts) why it is to be read with care. Nothing for what was
        not recorded.
    """
    found = physiology.sections(
        hypnogram.prediction.result,
        hypnogram.stages,
        lights_off=hypnogram.lights_off,
        lights_on=hypnogram.lights_on,
    )
    return [
        {
            "title": section.title,
            "label": section.channel,
            "rows": [_row(row) for row in section.rows],
            "reasons": section.notes,
        }
        for section in found
    ]


def _row(row: physiology.Row) -> dict[str, Any]:
    unit, digits = UNITS[row.kind]
    return {
        "label": row.label,
        "value": row.value,
        "unit": unit,
        "digits": digits,
        "formula": row.formula,
        "source": row.source,
    }

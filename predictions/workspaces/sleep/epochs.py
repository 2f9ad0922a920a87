"""Why one epoch got its stage: what each band of each channel contributed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from predictions.models import Prediction
from predictions.storage import storage

BANDS = {
    "delta": _("delta"),
    "theta": _("theta"),
    "alpha": _("alpha"),
    "sigma": _("sigma"),
    "beta": _("beta"),
}
CONTRIBUTIONS = "contributions.json"
HALF = 100  # half the width of a bar's drawing: zero stands in the middle


def contributions(prediction: Prediction, index: int) -> dict[str, Any] | None:
    """Return the contributions to one epoch's stage, ready to draw; ``None`` when none were computed.

    Returns
    -------
    dict
        ``rows`` (channel, band, ``value`` in log probability, x and width of the bar, strongest first)
        ``shapley``, the same of the boosted trees (each also ``neighbours``: whether of the epochs around;
        empty without trees), ``neighbours``, the probability of the stage from the other epochs alone, and
        ``sentence``, the reasons in words of both languages (``None`` for older results).
    """
    artefact = prediction.artefacts.filter(name=CONTRIBUTIONS).first()
    if artefact is None:
        return None
    with storage.open(artefact.stored_name) as stream:
        stored = json.load(stream)
    sentences = stored.get("sentences")
    sentence = sentences[index] if sentences else None
    if prediction.result["probabilities"][index] is None:
        # Nothing was staged here, so nothing spoke for it.
        return {"rows": [], "shapley": [], "neighbours": None, "sentence": sentence}
    names = _names(prediction, stored)
    values = stored["contributions"][index]
    rows = _drawn([(*name, value) for name, value in zip(names, values, strict=True) if name[0]])
    return {
        "rows": rows,
        "shapley": _shapley(names, stored, index),
        "neighbours": stored["neighbours"][index],
        "sentence": sentence,
    }


def _names(prediction: Prediction, stored: dict[str, Any]) -> list[tuple[str | None, str]]:
    """Return channel and band of every input, the channel ``None`` where nothing was given."""
    channels = prediction.result["channels"]
    return [(channels.get(slot), band) for slot in stored["slots"] for band in stored["bands"]]


def _shapley(
    names: Sequence[tuple[str | None, str]], stored: dict[str, Any], index: int
) -> list[dict[str, Any]]:
    """Return the Shapley values of the boosted trees, those of the neighbours marked; none without trees."""
    if not stored.get("shapley") or stored["shapley"][index] is None:
        return []
    times = stored["times"]
    each = [(channel, band, time) for channel, band in names for time in times]
    values = zip(each, stored["shapley"][index], strict=True)
    given = [(channel, band, value, time) for (channel, band, time), value in values if channel]
    drawn = _drawn([(channel, band, value) for channel, band, value, _time in given], sort=False)
    marked = [
        row | {"neighbours": time != times[0]} for row, (*_rest, time) in zip(drawn, given, strict=True)
    ]
    return sorted(marked, key=lambda row: -abs(row["value"]))


def _drawn(used: Sequence[tuple[str, str, float]], *, sort: bool = True) -> list[dict[str, Any]]:
    """Return one bar per value on one scale, strongest first."""
    largest = max([1.0, *(abs(value) for _channel, _band, value in used)])
    rows = [_row(channel, band, value, largest) for channel, band, value in used]
    return sorted(rows, key=lambda row: -abs(row["value"])) if sort else rows


def _row(channel: str, band: str, value: float, largest: float) -> dict[str, Any]:
    width = round(HALF * abs(value) / largest, 1)
    return {
        "channel": channel,
        "band": BANDS.get(band, band),
        "value": value,
        "direction": "raises" if value > 0 else "lowers",
        "x": HALF if value > 0 else HALF - width,
        "width": width,
    }

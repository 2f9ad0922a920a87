"""Why one epoch got its stage: what each band of each channel contributed."""

from __future__ import annotations

import json
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
        ``neighbours``, the probability of the stage from the other epochs alone, and ``sentence``, the
        same in words of both languages (``None`` for older results).
    """
    artefact = prediction.artefacts.filter(name=CONTRIBUTIONS).first()
    if artefact is None:
        return None
    with storage.open(artefact.stored_name) as stream:
        stored = json.load(stream)
    sentences = stored.get("sentences")
    sentence = sentences[index] if sentences else None
    values = stored["contributions"][index]
    if values is None:
        return None
    channels = prediction.result["channels"]
    names = [(channels.get(slot), band) for slot in stored["slots"] for band in stored["bands"]]
    used = [(channel, band, value) for (channel, band), value in zip(names, values, strict=True) if channel]
    largest = max([1.0, *(abs(value) for _channel, _band, value in used)])
    rows = [_row(channel, band, value, largest) for channel, band, value in used]
    return {
        "rows": sorted(rows, key=lambda row: -abs(row["value"])),
        "neighbours": stored["neighbours"][index],
        "sentence": sentence,
    }


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

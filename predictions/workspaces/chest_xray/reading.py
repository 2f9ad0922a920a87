"""What the reading room shows: which pictures there are, the colours of the map, and its zones in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from predictions.models import Explanation, Prediction

PREVIEW, OVERLAY = "preview.png", "heatmap.png"
BAR = 100
ROWS = {"upper": _("upper"), "middle": _("middle"), "lower": _("lower")}


def drawing(prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    """Return the names of the image and of the map over it (empty for what was not made), and its key."""
    names = set(prediction.artefacts.values_list("name", flat=True))
    data = explanation.data if explanation else {}
    return {
        "preview": PREVIEW if PREVIEW in names else "",
        "overlay": OVERLAY if OVERLAY in names else "",
        "ramp": ramp(data.get("ramp", [])),
        "zones": zones(data.get("zones", [])),
    }


def ramp(colours: Sequence[str]) -> list[dict[str, Any]]:
    """Place the colours of the map side by side in a bar BAR wide."""
    width = BAR / max(1, len(colours))
    return [{"x": round(at * width, 2), "width": width, "colour": c} for at, c in enumerate(colours)]


def zones(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return per third of the height what its left and right half added to the score, in log odds."""
    added = {(zone["row"], zone["side"]): zone["added"] for zone in found}
    return [
        {"row": label, "left": added[row, "left"], "right": added[row, "right"]}
        for row, label in ROWS.items()
        if (row, "left") in added
    ]

"""What the reading room shows: which pictures there are."""

from __future__ import annotations

from typing import Any

from predictions.models import Explanation, Prediction

PREVIEW, OVERLAY = "preview.png", "heatmap.png"


def drawing(prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    """Return the names of the image and of the map over it, empty for what was not made."""
    names = set(prediction.artefacts.values_list("name", flat=True))
    return {
        "preview": PREVIEW if PREVIEW in names else "",
        "overlay": OVERLAY if OVERLAY in names else "",
    }

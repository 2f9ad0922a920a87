"""The answer to one study as a line of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COLUMNS = ("probability", "label", "threshold", "prevalence", "images", "scored_image", "view")


def of_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of a result of :func:`predict.predict`.

    Returns
    -------
    dict
        ``probability`` (0–1) and ``label`` of the image with the highest probability, whose number, counted
        from 1, is ``scored_image`` and whose projection ``view``; ``threshold`` and ``prevalence`` (0–1);
        ``images``, how many the study has.
    """
    main = result["images"][result["scored"]]
    return {
        "probability": result["probability"],
        "label": result["label"],
        "threshold": result["threshold"],
        "prevalence": result["prevalence"],
        "images": len(result["images"]),
        "scored_image": result["scored"] + 1,
        "view": main["view"],
    }

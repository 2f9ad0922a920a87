"""The images of a study as the viewer takes them: sizes, addresses, windows; nothing of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from clinic.templatetags.vigie import day, text
from predictions.models import Prediction

OLD_PREVIEW = "preview.png"
"""Picture of results from before a study could have several images (package 1.1.0 and earlier)."""


def films(prediction: Prediction) -> list[dict[str, Any]]:
    """Return every image of a result that there is a picture of, in the order sent.

    Returns
    -------
    list of dict
        ``key``, ``number``, ``title``, ``alt``, ``width``, ``height`` (native pixels), ``aspect`` (height
        of a pixel over its width), ``preview``, ``glance`` (addresses; the second of a smaller picture,
        maybe empty), ``pixels`` (description of the raster with its ``url``, or ``None``), ``spacing``,
        ``unmeasured`` (what a length in pixels says of itself), ``orientation``, ``taken_at``.
    """
    names = set(prediction.artefacts.values_list("name", flat=True))
    several = len(images(prediction)) > 1
    return [
        _film(prediction, image, names, several=several)
        for image in images(prediction)
        if image["preview"] in names
    ]


def images(prediction: Prediction) -> list[dict[str, Any]]:
    """Return what a result says of each file; an older one had a single image and no numbers for a viewer."""
    result = prediction.result
    if "images" in result:
        return result["images"]
    size = result.get("preview") or {"width": 0, "height": 0}
    return [
        {
            "number": 0,
            "role": "frontal",
            "view": "",
            **result["gate"],
            "probability": result["probability"],
            "label": result["label"],
            **size,
            "preview": OLD_PREVIEW,
            "pixels": None,
        }
    ]


def main(prediction: Prediction) -> int:
    """Return the number of the image the answer is of."""
    return prediction.result.get("scored", 0)


def title(image: Mapping[str, Any], *, several: bool) -> str:
    """Name an image by its place among several, its view and its day."""
    roles = {"frontal": _("Frontal"), "lateral": _("Lateral")}
    role = roles.get(image["role"], _("Image"))
    view = f" {image['view']}" if image["view"] else ""
    parts = [str(image["number"] + 1)] if several else []
    taken = _day(image.get("taken_at", ""))
    return " · ".join([*parts, role + view, *([day(taken)] if taken else [])])


def address(prediction: Prediction, name: str) -> str:
    """Return where a file of a result is given out."""
    return reverse("study_artefact", args=[prediction.study_id, name])


def _film(
    prediction: Prediction, image: Mapping[str, Any], names: set[str], *, several: bool
) -> dict[str, Any]:
    name = title(image, several=several)
    glance = image.get("glance", "")
    return {
        "key": f"{prediction.pk}-{image['number']}",
        "number": image["number"],
        "title": name,
        "alt": _("Chest X-ray, %(title)s") % {"title": name},
        "width": image["width"],
        "height": image["height"],
        "aspect": image.get("aspect") or 1,
        "preview": address(prediction, image["preview"]),
        "glance": address(prediction, glance) if glance in names else "",
        "pixels": _raster(prediction, image["pixels"], names),
        "spacing": image.get("spacing"),
        "unmeasured": _unmeasured(image),
        "orientation": image.get("orientation"),
        "taken_at": image.get("taken_at", ""),
    }


def _unmeasured(image: Mapping[str, Any]) -> str:
    """Say why a length is given in pixels: results of before the viewer never asked the file."""
    if "spacing" in image:
        return _("px (the file gives no spacing)")
    return _("px (analysed by an earlier version, which kept no spacing)")


def _raster(
    prediction: Prediction, pixels: Mapping[str, Any] | None, names: set[str]
) -> dict[str, Any] | None:
    """Return a raster with its address and its labels in the language of the page."""
    if not pixels or pixels["name"] not in names:
        return None
    labelled = {
        kind: [entry | {"label": text(entry["label"])} for entry in pixels.get(kind, ())]
        for kind in ("windows", "tables")
    }
    return {**pixels, **labelled, "url": address(prediction, pixels["name"])}


def _day(moment: str) -> date | None:
    try:
        return date.fromisoformat(moment[:10])
    except ValueError:
        return None

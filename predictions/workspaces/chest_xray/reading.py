"""What the reading room shows: the images, the maps over them, the key to their colours, zones in numbers."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from clinic.templatetags.vigie import text
from predictions.models import Explanation, Prediction, StoredArtefact
from predictions.storage import storage
from predictions.vault.damage import Damaged
from predictions.workspaces.chest_xray.films import address, films, images, main, title
from predictions.workspaces.chest_xray.words import map_words, words

OLD_MAP = "heatmap.png"
OLD_STRONGEST = 0.75
"""Opacity of the strongest colour in the maps of package 1.1.0 and earlier, which were coloured pictures."""
BAR = 100
BAR_STOPS = 32
INLINE_BYTES = 2_000_000
"""A picture up to this size comes with the page itself, so that it is seen after one round trip."""
ROWS = {"upper": _("upper"), "middle": _("middle"), "lower": _("lower")}


def drawing(prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    """Return what the pages of one result draw.

    Parameters
    ----------
    explanation
        ``None`` for a reader who has not committed a first impression: then there are no maps.

    Returns
    -------
    dict
        ``viewer`` for its script (study, first, images, words); ``pictures``, the images with ``source``,
        an address that holds a small picture itself, and whether each was ``scored``; ``first``, the one
        of them that is shown first;
        ``maps`` for the script, ``None`` without any; ``keys``, one per map: its colours and what they are
        worth; ``verdicts`` of the gate per image; ``zones``.
    """
    shown = films(prediction)
    scored = {image["number"] for image in images(prediction) if "probability" in image}
    pictures = [
        film | {"source": _inline(prediction, film), "scored": film["number"] in scored} for film in shown
    ]
    # Not the one the answer is of: before a first impression it would tell which of two looks worse.
    first = next((film for film in pictures if film["scored"]), pictures[0] if pictures else None)
    data = explanation.data if explanation else {}
    maps = _maps(prediction, data)
    return {
        "viewer": {
            "study": str(prediction.study_id),
            "first": first["number"] if first else 0,
            "images": shown,
            "words": words(),
        },
        "pictures": pictures,
        "first": first,
        "maps": {"maps": maps, "ramp": data.get("ramp", []), "words": map_words()} if maps else None,
        "keys": [_key(each, data.get("ramp", [])) for each in maps],
        "methods": {each["method"]: each["label"] for each in maps},
        "missing": [text(each["reason"]) for each in data.get("missing", ())],
        "caveat": text(data.get("caveat")),
        "verdicts": _verdicts(prediction),
        "zones": zones(data.get("zones", [])),
    }


def ramp(colours: Sequence[str]) -> list[dict[str, Any]]:
    """Place colours side by side in a bar BAR wide, few enough to be written into a page."""
    few = colours[:: max(1, len(colours) // BAR_STOPS)]
    width = BAR / max(1, len(few))
    # A little wider than their share: no gap shows between two of them.
    return [
        {"x": round(at * width, 2), "width": round(1.2 * width, 2), "colour": c} for at, c in enumerate(few)
    ]


def zones(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return per third of the height what its left and right half added to the score, in log odds."""
    added = {(zone["row"], zone["side"]): zone["added"] for zone in found}
    return [
        {"row": label, "left": added[row, "left"], "right": added[row, "right"]}
        for row, label in ROWS.items()
        if (row, "left") in added
    ]


def _maps(prediction: Prediction, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the maps there is a picture of, as the viewer's script takes them."""
    names = set(prediction.artefacts.values_list("name", flat=True))
    found = data.get("maps") or ([_old_map(data)] if data else [])
    return [
        {
            "image": each["image"],
            "method": each["method"],
            "label": text(each["label"]),
            "about": text(each.get("about")),
            "sentence": text(each.get("sentence")),
            "ceiling": each["ceiling"],
            "scale": text(each.get("scale")) or each["unit"],
            "strongest": each.get("strongest", 0),
            "url": address(prediction, each["name"]),
        }
        for each in found
        if each["name"] in names
    ]


def _old_map(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image": 0,
        "method": "evidence",
        "label": str(_("Evidence")),
        "name": OLD_MAP,
        "ceiling": data.get("ceiling"),
        "unit": str(_("log odds per position of the map")),
        "strongest": OLD_STRONGEST,
    }


def _key(shown: Mapping[str, Any], colours: Sequence[str]) -> dict[str, Any]:
    return {
        "name": f"{shown['image']}-{shown['method']}",
        "label": shown["label"],
        "about": shown["about"],
        "sentence": shown["sentence"],
        "ramp": ramp(colours),
        "ceiling": shown["ceiling"],
        "scale": shown["scale"],
    }


def _verdicts(prediction: Prediction) -> list[dict[str, Any]]:
    """Return what the gate said of each image."""
    found = images(prediction)
    return [
        {
            "number": image["number"],
            "title": title(image, several=len(found) > 1),
            "scored": "probability" in image,
            "main": image["number"] == main(prediction),
            "probability": image.get("probability"),
            "reasons": [text(reason["message"]) for reason in image["reasons"]],
        }
        for image in found
    ]


def _inline(prediction: Prediction, film: Mapping[str, Any]) -> str:
    """Return a small picture as an address that holds it; a large one keeps its own address."""
    where = film["glance"] or film["preview"]
    stored = StoredArtefact.objects.get(prediction=prediction, name=where.rsplit("/", 1)[1])
    if stored.size > INLINE_BYTES:
        return where
    try:
        with storage.open(stored.stored_name) as stream:
            content = stream.read()
    except Damaged:
        # The page of the study says so in words; the address answers with the same.
        return where
    return f"data:{stored.media_type};base64,{base64.b64encode(content).decode()}"

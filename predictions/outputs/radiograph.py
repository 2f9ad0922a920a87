"""The images of a chest X-ray's result with their figures and maps, in one shape for every document.

A result of before a study could have several images says the same of its only one: its picture is
``preview.png``, its map ``heatmap.png``, already coloured.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ml.contracts import Text
from predictions.models import ExplanationStatus
from predictions.outputs.facts import Facts

ALGORITHM = "chest_xray"
OPACITY = 0.75
"""Of the map over the picture where the evidence is strongest."""
ONLY_PICTURE, ONLY_MAP = "preview.png", "heatmap.png"

IMAGE = Text("Image {number}", "Image {number}")
EVIDENCE = Text("Heat map of the model", "Carte de chaleur du modèle")
LOG_ODDS = Text("log odds", "log-cotes")
LABELS = {
    "PNEUMONIA": Text("suggests pneumonia", "en faveur d’une pneumonie"),
    "NORMAL": Text("does not suggest pneumonia", "pas d’argument pour une pneumonie"),
}
ROLES = {
    "frontal": Text("frontal view", "incidence de face"),
    "lateral": Text("lateral view", "incidence de profil"),
    "other": Text("other view", "autre incidence"),
}


@dataclass(frozen=True, slots=True)
class Map:
    """Where one method found that an image raised its score.

    Parameters
    ----------
    method
        ``"evidence"`` or ``"shap"``.
    drawn
        Levels of evidence in grey, to be coloured by the ramp, or a picture in colours (RGBA) already; of
        any size.
    ramp
        Colours from no evidence to the most, ``"#rrggbb"``.
    ceiling
        Evidence of the last colour, in ``scale``; 0 when unknown.
    """

    method: str
    label: Mapping[str, str]
    drawn: Image.Image
    ramp: tuple[str, ...]
    ceiling: float
    scale: Mapping[str, str]
    sentence: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Film:
    """One image of a study.

    Parameters
    ----------
    number
        Its place among the files sent, from 0.
    view
        ``"AP"``, ``"PA"``, ...; empty when unknown.
    probability, label
        ``None`` and empty for an image that was not scored.
    reasons
        Why it was not, as stored problems.
    picture
        What a reader sees first, grey; ``None`` when it was lost or never read.
    missing
        Why a map could not be made, in both languages.
    """

    number: int
    role: str
    view: str
    probability: float | None
    label: str
    reasons: Sequence[Mapping[str, Any]]
    picture: Image.Image | None
    maps: tuple[Map, ...]
    missing: tuple[Mapping[str, str], ...] = ()

    @property
    def scored(self) -> bool:
        """Whether the model answered for it."""
        return self.probability is not None

    @property
    def name(self) -> Text:
        """What it is called, counted from 1."""
        return IMAGE.format(number=self.number + 1)

    @property
    def projection(self) -> Text:
        """The view in words and, where known, as written in the header."""
        said = ROLES.get(self.role, ROLES["other"])
        return Text(f"{said.en} ({self.view})", f"{said.fr} ({self.view})") if self.view else said


def films(facts: Facts) -> list[Film]:
    """Return the images of a result in the order sent; none for another algorithm."""
    if facts.study.algorithm != ALGORITHM:
        return []
    told = facts.result.get("images")
    return [_film(facts, image) for image in told] if told else [_only(facts)]


def headline(facts: Facts) -> int:
    """Return the number of the image that the headline is of."""
    return int(facts.result.get("scored", 0))


def over(picture: Image.Image, found: Map) -> Image.Image:
    """Return a film's picture in RGB with one of its maps laid over it."""
    return Image.alpha_composite(picture.convert("RGBA"), _coloured(found, picture.size)).convert("RGB")


def _film(facts: Facts, image: Mapping[str, Any]) -> Film:
    number = int(image["number"])
    picture = _square_pixels(_picture(facts, image.get("preview", "")), image.get("aspect") or 1.0)
    return Film(
        number=number,
        role=image["role"],
        view=image.get("view", ""),
        probability=image.get("probability"),
        label=image.get("label", ""),
        reasons=image.get("reasons", ()),
        picture=picture,
        maps=tuple(_maps(facts, number)) if picture else (),
        missing=tuple(
            lost["reason"] for lost in _explained(facts).get("missing", ()) if lost["image"] == number
        ),
    )


def _only(facts: Facts) -> Film:
    """Return the image of a result of before there could be several."""
    picture = _picture(facts, ONLY_PICTURE)
    return Film(
        number=0,
        role="frontal",
        view="",
        probability=facts.result["probability"],
        label=facts.result["label"],
        reasons=facts.result["gate"]["reasons"],
        picture=picture,
        maps=tuple(_only_map(facts)) if picture else (),
    )


def _picture(facts: Facts, name: str) -> Image.Image | None:
    content = facts.artefact(name) if name else None
    return Image.open(io.BytesIO(content)) if content is not None else None


def _square_pixels(picture: Image.Image | None, aspect: float) -> Image.Image | None:
    """Stretch a picture whose pixels are not square: ``aspect`` is their height over their width."""
    if picture is None or aspect == 1:
        return picture
    width, height = picture.size
    size = (width, round(height * aspect)) if aspect > 1 else (round(width / aspect), height)
    return picture.resize(size, Image.Resampling.BICUBIC)


def _explained(facts: Facts) -> Mapping[str, Any]:
    """Return the figures of the explanation; nothing when there is none."""
    explanation = facts.explanation
    return explanation.data if explanation and explanation.status == ExplanationStatus.OK else {}


def _only_map(facts: Facts) -> list[Map]:
    coloured, data = _picture(facts, ONLY_MAP), _explained(facts)
    if coloured is None or facts.explanation is None:
        return []
    return [
        Map(
            method="evidence",
            label=EVIDENCE.as_json(),
            drawn=coloured.convert("RGBA"),
            ramp=tuple(data.get("ramp", ())),
            ceiling=data.get("ceiling", 0.0),
            scale=LOG_ODDS.as_json(),
            sentence=facts.explanation.sentence or None,
        )
    ]


def _maps(facts: Facts, number: int) -> list[Map]:
    data = _explained(facts)
    found = []
    for told in data.get("maps", ()):
        level = _picture(facts, told["name"]) if told["image"] == number else None
        if level is not None:
            ramp = tuple(data["ramp"])
            found.append(
                Map(
                    method=told["method"],
                    label=told["label"],
                    drawn=level.convert("L"),
                    ramp=ramp,
                    ceiling=told["ceiling"],
                    scale=told.get("scale") or LOG_ODDS.as_json(),
                    sentence=told.get("sentence"),
                )
            )
    return found


def _coloured(found: Map, size: tuple[int, int]) -> Image.Image:
    """Return a map in colours of a size: those of the ramp, the more opaque the stronger the evidence.

    Made when it is laid over its picture and not before: of eight films all maps together would be large.
    """
    if found.drawn.mode == "RGBA":
        return found.drawn.resize(size)
    levels = np.arange(256)
    steps = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in found.ramp], np.uint8)
    index = np.rint(levels * ((len(steps) - 1) / 255)).astype(int)
    palette = np.column_stack([steps[index], np.rint(OPACITY * levels).astype(np.uint8)])
    return Image.fromarray(palette[np.asarray(found.drawn.resize(size, Image.Resampling.BICUBIC))])

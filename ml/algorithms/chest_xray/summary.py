"""What is watched of a radiograph: device, age, projection, exposure, nearness to the gate, probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Text
from ml.monitoring.watched import Row, Score, Study, Watched, number

HEADS = {
    "not_chest": Text("Gate: something else than a chest", "Filtre : autre chose qu’un thorax"),
    "inverted": Text("Gate: inverted greys", "Filtre : gris inversés"),
    "rotated": Text("Gate: turned image", "Filtre : image tournée"),
    "adult": Text("Gate: looks adult", "Filtre : aspect d’adulte"),
}
EXPOSURE = ("brightness", "contrast", "black", "white", "distance")
WATCHED = (
    Watched("outcome", Text("Outcome of the gate", "Issue du filtre"), numeric=False, levels={
        "answered": Text("answered", "répondue"), "not_frontal": Text("not frontal", "pas de face"),
        "adult": Text("adult by its header", "adulte d’après l’en-tête"),
        "adult_appearance": Text("looks adult", "aspect d’adulte"),
        "not_chest_xray": Text("not a chest X-ray", "pas une radiographie thoracique"),
        "clipped": Text("clipped", "écrêtée"), "burnt_over": Text("writing over the lungs", "texte incrusté"),
        "secondary_capture": Text("secondary capture", "capture secondaire"),
    }),
    Watched("maker", Text("Maker of the device", "Fabricant de l’appareil"), numeric=False, levels={
        "none": Text("not named", "non indiqué"), "other": Text("another", "autre"),
        "no_header": Text("no header", "sans en-tête"),
    }),
    Watched("format", Text("Format", "Format"), numeric=False),
    Watched("bits", Text("Bits stored", "Bits stockés"), numeric=False),
    Watched("view", Text("Projection", "Incidence"), numeric=False, levels={
        "none": Text("not named", "non indiquée"),
    }),
    Watched("images", Text("Images of the study", "Images de l’étude")),
    Watched("age", Text("Age by the header", "Âge selon l’en-tête"), unit="y"),
    Watched("shortest", Text("Shorter side", "Petit côté"), unit="px"),
    Watched("shape", Text("Height by width", "Hauteur sur largeur")),
    Watched("brightness", Text("Mean grey level", "Niveau de gris moyen")),
    Watched("contrast", Text("Spread of the grey levels", "Dispersion des niveaux de gris")),
    Watched("black", Text("Clipped to black", "Écrêté en noir")),
    Watched("white", Text("Clipped to white", "Écrêté en blanc")),
    Watched("distance", Text("Distance from the training images", "Distance aux images d’apprentissage"),
            output=True),
    *(Watched(name, label, output=True) for name, label in HEADS.items()),
    Watched("probability", Text("Predicted probability", "Probabilité prédite"), output=True),
    Watched("label", Text("Conclusion", "Conclusion"), numeric=False, output=True, levels={
        "PNEUMONIA": Text("pneumonia", "pneumonie"), "NORMAL": Text("no pneumonia", "pas de pneumonie"),
    }),
)  # fmt: skip


def row(study: Study) -> Row:
    """Return the watched values of one study, by the image it was scored on, else by its first."""
    found: Row = dict.fromkeys(each.name for each in WATCHED)
    images = study.result.get("images") or []
    found["outcome"] = study.refused[0] if study.refused else "answered"
    found["images"] = float(len(images)) or None
    quality = {finding["code"]: finding.get("value", "") for finding in study.quality}
    found |= {"format": quality.get("format") or None, "bits": quality.get("bits") or None}
    found["age"] = number(quality.get("age"))
    if images:
        at = study.result.get("scored") or 0
        found |= _of_image(images[at] if at < len(images) else images[0])
    if not study.refused:
        found |= {"probability": number(study.result.get("probability")), "label": study.result.get("label")}
    return found


def score(study: Study) -> Score | None:
    """Return probability and label; ``None`` without an answer."""
    probability = number(study.result.get("probability"))
    if probability is None or study.refused:
        return None
    return Score(probability, study.result.get("label") == "PNEUMONIA")


def _of_image(image: Mapping[str, Any]) -> Row:
    appearance = image.get("appearance") or {}
    heads = appearance.get("heads") or {}
    width, height = number(image.get("width")), number(image.get("height"))
    found: Row = {name: number(appearance.get(name)) for name in EXPOSURE}
    found |= {name: number(heads.get(name)) for name in HEADS}
    if "maker" in image:
        found["maker"] = image["maker"] or "no_header"
    found["view"] = image.get("view") or "none"
    if width and height:
        found |= {"shortest": min(width, height), "shape": height / width}
    return found

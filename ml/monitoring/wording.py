"""What an alert says, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Text
from ml.drawing.numbers import number
from ml.monitoring.hysteresis import MOVED

DRIFT = Text(
    "{label}: {how} (stability index {psi} beyond chance, moved from {bar} on).",
    "{label} : {how} (indice de stabilité {psi} au-delà du hasard, déplacé à partir de {bar}).",
)
HIGHER = Text("higher values than in the reference", "valeurs plus hautes que dans la référence")
LOWER = Text("lower values than in the reference", "valeurs plus basses que dans la référence")
GAINED = Text("more “{level}” than in the reference", "plus de « {level} » que dans la référence")
ELSE = Text("distributed otherwise than in the reference", "répartition autre que dans la référence")
MISSING = Text(
    "{label}: not given {how} often than in the reference (now {now}, in the reference {before}).",
    "{label} : {how} souvent non renseigné que dans la référence (à présent {now}, référence {before}).",
)
MORE, LESS = Text("more", "plus"), Text("less", "moins")
SHARE = Text("{share}%", "{share}\u00a0%")
HELD_BACK = Text("held back", "non affiché")
PERFORMANCE = Text(
    "Expected performance fell by {loss} (without outcomes: it holds if the model is calibrated here).",
    "La performance attendue a baissé de {loss} (sans issues : valable si le modèle est calibré ici).",
)
CALIBRATION = Text(
    "Calibration: {observed} observed where {expected} were expected, of {n} signed outcomes.",
    "Calibration : {observed} observés pour {expected} attendus, sur {n} issues signées.",
)
AGREEMENT = Text(
    "Agreement with signed hypnograms: {observed}% of the epochs where {expected}% were due, {n} nights.",
    "Accord avec les hypnogrammes signés : {observed}\u00a0% des époques pour {expected}\u00a0% attendus, "
    "{n} nuits.",
)


def sentence(key: str, content: Mapping[str, Any]) -> Text:
    """Say what a signal of a report is about, with its figures."""
    kind, _, name = key.partition(":")
    if kind in ("drift", "missing"):
        field = next(one for one in content["fields"] if one["name"] == name)
        return _moved(field) if kind == "drift" else _missing(field)
    return _performance(content["performance"]) if key == "performance" else _outcomes(content["calibration"])


def direction(field: Mapping[str, Any]) -> Text:
    """Say where to a field moved: up, down, or towards a level that no small number is told of."""
    if field["numeric"]:
        higher = field.get("higher")
        return ELSE if higher is None else HIGHER if higher else LOWER
    known = [one for one in field["shown"] or () if None not in (one["reference"], one["window"])]
    gained = max(known, key=lambda one: one["window"] - one["reference"], default=None)
    if gained is None or gained["window"] <= gained["reference"]:
        return ELSE
    level = Text.from_json(gained["label"])
    return Text(GAINED.en.format(level=level.en), GAINED.fr.format(level=level.fr))


def _moved(field: Mapping[str, Any]) -> Text:
    words = {"label": Text.from_json(field["label"]), "how": direction(field)}
    return _both(DRIFT, {"psi": (field["psi_excess"], 2), "bar": (MOVED, 2)}, words)


def _missing(field: Mapping[str, Any]) -> Text:
    words = {
        "label": Text.from_json(field["label"]),
        "how": MORE if field.get("missing_more", True) else LESS,
        "now": _share(field["missing_share"]),
        "before": _share(field["reference_missing_share"]),
    }
    return _both(MISSING, {}, words)


def _share(share: float | None) -> Text:
    """Write a share; one that is held back is not nought."""
    if share is None:
        return HELD_BACK
    en, fr = (SHARE.to(to).format(share=number(100 * share, 0, to)) for to in ("en", "fr"))
    return Text(en, fr)


def _performance(found: Mapping[str, Any]) -> Text:
    return _both(PERFORMANCE, {"loss": (found["loss"], 3)})


def _outcomes(found: Mapping[str, Any]) -> Text:
    per = 100 / found["n"] if found["by_study"] else 1
    figures = {"observed": (per * found["observed"], 0), "expected": (per * found["expected"], 1)}
    return _both(AGREEMENT if found["by_study"] else CALIBRATION, figures | {"n": (found["n"], 0)})


def _both(
    template: Text, figures: Mapping[str, tuple[float, int]], words: Mapping[str, Text] | None = None
) -> Text:
    def said(language: str) -> dict[str, str]:
        written = {name: number(value, decimals, language) for name, (value, decimals) in figures.items()}
        return written | {name: one.to(language) for name, one in (words or {}).items()}

    return Text(template.en.format(**said("en")), template.fr.format(**said("fr")))

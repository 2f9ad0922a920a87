"""What an alert says, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Text
from ml.drawing.numbers import number

DRIFT = Text(
    "{label}: the distribution has moved (stability index {psi} beyond chance).",
    "{label} : la distribution s’est déplacée (indice de stabilité {psi} au-delà du hasard).",
)
MISSING = Text(
    "{label}: not given in {now} % of the studies, {before} % in the reference.",
    "{label} : non renseigné dans {now} % des études, {before} % dans la référence.",
)
PERFORMANCE = Text(
    "Expected performance fell by {loss} (without outcomes: it holds if the model is calibrated here).",
    "La performance attendue a baissé de {loss} (sans issues : valable si le modèle est calibré ici).",
)
CALIBRATION = Text(
    "Calibration: {observed} observed where {expected} were expected, of {n} signed outcomes.",
    "Calibration : {observed} observés pour {expected} attendus, sur {n} issues signées.",
)
AGREEMENT = Text(
    "Agreement with signed hypnograms: {observed} % of the epochs where {expected} % were due, {n} nights.",
    "Accord avec les hypnogrammes signés : {observed} % des époques pour {expected} % attendus, {n} nuits.",
)


def sentence(key: str, content: Mapping[str, Any]) -> Text:
    """Say what a signal of a report is about, with its figures."""
    kind, _, name = key.partition(":")
    if kind in ("drift", "missing"):
        return _of_field(kind, next(one for one in content["fields"] if one["name"] == name))
    return _performance(content["performance"]) if key == "performance" else _outcomes(content["calibration"])


def _of_field(kind: str, field: Mapping[str, Any]) -> Text:
    label = Text.from_json(field["label"])
    before, now = field["reference_missing_share"] or 0, field["missing_share"] or 0
    return _both(
        DRIFT if kind == "drift" else MISSING,
        {"psi": (field["psi_excess"] or 0, 2), "before": (100 * before, 0), "now": (100 * now, 0)},
        label=label,
    )


def _performance(found: Mapping[str, Any]) -> Text:
    return _both(PERFORMANCE, {"loss": (found["loss"], 3)})


def _outcomes(found: Mapping[str, Any]) -> Text:
    per = 100 / found["n"] if found["by_study"] else 1
    figures = {"observed": (per * found["observed"], 0), "expected": (per * found["expected"], 1)}
    return _both(AGREEMENT if found["by_study"] else CALIBRATION, figures | {"n": (found["n"], 0)})


def _both(template: Text, figures: Mapping[str, tuple[float, int]], label: Text | None = None) -> Text:
    def said(language: str) -> dict[str, str]:
        written = {name: number(value, decimals, language) for name, (value, decimals) in figures.items()}
        return written | {"label": label.to(language) if label else ""}

    return Text(template.en.format(**said("en")), template.fr.format(**said("fr")))

"""The columns of a result: what each is called, what it holds, and what that means, in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ml.contracts import Text


class Holds(StrEnum):
    """What the cells of a column are."""

    WHOLE = "whole number"
    NUMBER = "number"
    WORDS = "text"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result; a cell is empty where there is nothing to say."""

    name: str
    holds: Holds
    meaning: Text


def _number(name: str, en: str, fr: str) -> Column:
    return Column(name, Holds.NUMBER, Text(en, fr))


def _whole(name: str, en: str, fr: str) -> Column:
    return Column(name, Holds.WHOLE, Text(en, fr))


def _words(name: str, en: str, fr: str) -> Column:
    return Column(name, Holds.WORDS, Text(en, fr))


BEFORE = (
    _whole(
        "row",
        "Number of the row below the header, blank ones counted, or of the study in the order sent",
        "Numéro de la ligne sous l’en-tête, lignes vides comprises, ou de l’examen dans l’ordre d’envoi",
    ),
    _words(
        "reference",
        "Your own number of the row, or the names of the files",
        "Votre numéro de la ligne, ou les noms des fichiers",
    ),
    _words(
        "status",
        "ok, refused, failed or withdrawn",
        "ok, refused (refusé), failed (échec) ou withdrawn (retiré)",
    ),
)
AFTER = (
    _words(
        "imputed",
        "Fields that were not given and what was used instead",
        "Champs non renseignés et valeur utilisée à leur place",
    ),
    _words("problems", "Codes of refusals and warnings", "Codes des refus et des avertissements"),
    _words("sentences", "The same, in words", "Les mêmes, en toutes lettres"),
    _words("package_version", "Version of the model package", "Version du paquet du modèle"),
    _words("package_sha256", "SHA-256 of the model package", "SHA-256 du paquet du modèle"),
)
THRESHOLD = _number("threshold", "Operating point, 0 to 1", "Seuil de décision, de 0 à 1")
LABEL = _words("label", "Answer at the operating point", "Réponse à ce seuil")
_MINUTES = {
    "trt": (
        "Recording time between lights off and on, min",
        "Temps d’enregistrement, extinction à rallumage, min",
    ),
    "tst": ("Total sleep time, min", "Temps total de sommeil, min"),
    "sol": ("Sleep onset latency, min", "Latence d’endormissement, min"),
    "waso": ("Wake after sleep onset, min", "Éveil après l’endormissement, min"),
    "rem_latency": ("Latency of REM from sleep onset, min", "Latence du sommeil paradoxal, min"),
    "n1": ("N1, min", "N1, min"),
    "n2": ("N2, min", "N2, min"),
    "n3": ("N3, min", "N3, min"),
    "r": ("R, min", "R, min"),
}
_PERCENT = {
    "se": ("Sleep efficiency, %", "Efficacité du sommeil, %"),
    **{
        f"{stage}_percent": (f"{stage.upper()}, % of sleep", f"{stage.upper()}, % du sommeil")
        for stage in ("n1", "n2", "n3", "r")
    },
}
_NIGHT = {name: _number(name, *said) for name, said in (_MINUTES | _PERCENT).items()}
ANSWERS: dict[str, tuple[Column, ...]] = {
    "haemorrhage": (
        _number("risk", "Risk of severe postpartum haemorrhage, 0 to 1", "Risque d’HPP sévère, de 0 à 1"),
        _number("interval_low", "95 % interval, lower bound", "Intervalle à 95 %, borne basse"),
        _number("interval_high", "95 % interval, upper bound", "Intervalle à 95 %, borne haute"),
        _number("incidence", "Incidence of the ward, 0 to 1", "Incidence du service, de 0 à 1"),
        THRESHOLD,
        _words("flagged", "yes at or above the operating point", "yes (oui) à partir du seuil de décision"),
        _words("unknown", "Questions that nobody answered", "Questions sans réponse"),
    ),
    "chest_xray": (
        _number("probability", "Probability of pneumonia, 0 to 1", "Probabilité de pneumonie, de 0 à 1"),
        LABEL,
        THRESHOLD,
        _number("prevalence", "Share of pneumonia assumed, 0 to 1", "Part de pneumonies retenue, de 0 à 1"),
        _whole("images", "Images of the study", "Images de l’examen"),
        _whole("scored_image", "Number of the image answered of", "Numéro de l’image dont vient la réponse"),
        _words("view", "Its projection", "Son incidence"),
    ),
    "sleep": (
        _whole("epochs", "Epochs of 30 s", "Époques de 30 s"),
        *(_NIGHT[name] for name in ("trt", "tst", "se", "sol", "waso", "rem_latency", "n1", "n2", "n3", "r")),
        *(_NIGHT[name] for name in ("n1_percent", "n2_percent", "n3_percent", "r_percent")),
        _whole("awakenings", "Awakenings", "Éveils"),
        _whole("uncertain_epochs", "Epochs to check first", "Époques à vérifier en premier"),
        _words(
            "hypnogram",
            "One letter an epoch from the start of the recording: W, 1, 2, 3, R, ? for none",
            "Une lettre par époque depuis le début de l’enregistrement : W, 1, 2, 3, R, ? si aucune",
        ),
        _words("simulated", "yes for a simulated night", "yes (oui) pour une nuit simulée"),
    ),
    "german_credit": (
        _number("probability_bad", "Probability of a bad credit, 0 to 1", "Probabilité de défaut, de 0 à 1"),
        LABEL,
        THRESHOLD,
    ),
    "accident_severity": (
        _number("probability_injury", "Probability of an injury, 0 to 1", "Probabilité de blessé, de 0 à 1"),
        LABEL,
        THRESHOLD,
    ),
}  # fmt: skip


def columns(algorithm: str) -> tuple[Column, ...]:
    """Return the columns of the results of an algorithm, in their order."""
    return (*BEFORE, *ANSWERS[algorithm], *AFTER)

"""The figures of a night, one row each: value, unit, formula, and whether it is the usual definition.

Programs go by the code of a row; labels and formulas are in the language of the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml.contracts import Refused, Text
from predictions.outputs import night as nights
from predictions.outputs import night_figures, night_signals, wording
from predictions.outputs.csv_cells import opinion, version, written
from predictions.outputs.edf_hypnogram import NO_NIGHT
from predictions.outputs.facts import Facts
from predictions.outputs.night import Night
from predictions.outputs.night_figures import Figure

COLUMNS = (
    Text("code", "code"),
    Text("figure", "mesure"),
    Text("value", "valeur"),
    Text("unit", "unité"),
    Text("formula", "mode de calcul"),
    Text("source", "source"),
    Text("definition", "définition"),
)
USUAL, OTHER = Text("usual", "usuelle"), Text("other", "autre")
ABOUT = {
    "layout": Text("Layout", "Format"),
    "study": Text("Study", "Étude"),
    "status": Text("Status", "Statut"),
    "verdict": Text("Verdict of the signer", "Avis du signataire"),
    "reason": Text("Reason of the verdict", "Motif de l’avis"),
    "comment": Text("Comment of the signer", "Commentaire du signataire"),
    "scorer": Text("Scorer, empty for the AI draft", "Scoreur, vide pour le brouillon de l’IA"),
    "recording_start": Text("Start of the recording", "Début de l’enregistrement"),
    "lights_off_s": Text("Lights off, from the start", "Extinction, depuis le début"),
    "lights_on_s": Text("Lights on, from the start", "Rallumage, depuis le début"),
    "epochs": Text("Epochs", "Époques"),
    "epochs_changed": Text("Epochs changed by hand", "Époques modifiées à la main"),
    "package": Text("Model package", "Paquet du modèle"),
    "package_sha256": Text("SHA-256 of the package", "SHA-256 du paquet"),
    "notice": Text("Notice", "Mention"),
}
LAYOUT = "sleep-statistics-1"
SECONDS = ("lights_off_s", "lights_on_s")
AGREEMENTS = {
    "draft": Text("AI draft and reported hypnogram: {}", "Brouillon de l’IA et hypnogramme retenu : {}"),
    "scorers": Text("Two scorers: {}", "Deux scoreurs : {}"),
}
DEPENDENCE = Text("Two scorers: independence", "Deux scoreurs : indépendance")
MEASURES = {
    "kappa": Text("Cohen’s κ", "κ de Cohen"),
    "accuracy": Text("share of epochs alike, 0 to 1", "part d’époques identiques, de 0 à 1"),
    "macro_f1": Text("mean F1 of the stages, 0 to 1", "F1 moyen des stades, de 0 à 1"),
}
BOUNDS = {
    "value": Text("{}", "{}"),
    "low": Text("{}, 95 % interval, lower bound", "{}, intervalle à 95 %, borne basse"),
    "high": Text("{}, 95 % interval, upper bound", "{}, intervalle à 95 %, borne haute"),
}


def render(facts: Facts) -> bytes:
    """Write the figures of a night.

    Raises
    ------
    ml.contracts.Refused
        When the result is not a night.
    """
    if not nights.is_night(facts):
        raise Refused(NO_NIGHT)
    return written(_rows(nights.of(facts)))


def _rows(night: Night) -> Iterator[Sequence[Any]]:
    say = night.facts.say
    yield [say(name) for name in COLUMNS]
    for code, value in _about(night).items():
        yield (
            code,
            say(ABOUT[code]),
            "" if value is None else value,
            "s" if code in SECONDS else "",
            "",
            "",
            "",
        )
    for figure in _figures(night):
        yield (
            figure.key,
            say(figure.label),
            "" if figure.value is None else round(figure.value, 4),
            figure.unit,
            say(figure.formula),
            say(figure.source),
            say(OTHER if figure.second else USUAL),
        )
    for name, found in (("draft", night.agreement), ("scorers", nights.scorers(night.facts))):
        if found is not None:
            yield from _agreement(night, name, found)


def _about(night: Night) -> dict[str, Any]:
    facts = night.facts
    return {
        "layout": LAYOUT,
        "study": str(facts.study.pk),
        "status": version(facts) + (" simulated" if night.result.get("simulated") else ""),
        **opinion(facts),
        "scorer": night.scorer,
        "recording_start": night.start.isoformat() if night.start else "",
        "lights_off_s": night.lights_off,
        "lights_on_s": night.lights_on,
        "epochs": len(night.stages),
        "epochs_changed": len(night.changed),
        "package": facts.package_name,
        "package_sha256": facts.prediction.package_sha256,
        "notice": wording.notice(facts),
    }


def _figures(night: Night) -> Iterator[Figure]:
    yield from night_figures.sleep(night)
    yield from night_figures.stages(night)
    for signal in night_signals.signals(night):
        yield from signal.figures


def _agreement(night: Night, name: str, found: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    """Yield κ, accuracy and mean F1 with the bounds of their intervals."""
    say = night.facts.say
    for measure, label in MEASURES.items():
        for bound, phrase in BOUNDS.items():
            value = found[measure][bound]
            said = say(AGREEMENTS[name]).format(say(phrase).format(say(label)))
            code = f"{name}_{measure}" if bound == "value" else f"{name}_{measure}_{bound}"
            yield (code, said, "" if value is None else round(value, 4), "", "", "", "")
    if found.get("dependence"):
        yield (f"{name}_dependence", say(DEPENDENCE), say(found["dependence"]), "", "", "", "")

"""What the drawings are called and what they say, in words: captions and text alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.contracts import Text
from ml.drawing import staging
from ml.drawing.numbers import count, figure, number, short

DASH = "\u2013"

TITLES = {
    "roc": Text("Discrimination (ROC)", "Discrimination (ROC)"),
    "precision_recall": Text("Precision and recall", "Précision et rappel"),
    "calibration": Text("Calibration", "Calibration"),
    "confusion": Text("Decisions at the operating point", "Décisions au point de fonctionnement"),
    "decision": Text("Decision curve", "Courbe de décision"),
    "cost": Text("Cost by threshold", "Coût selon le seuil"),
    **staging.TITLES,
}
CAPTIONS = {
    "roc": Text(
        "Area under the curve {roc_auc}. At the operating point ({threshold}) {sensitivity} % of the events "
        "are flagged, and {alarms} % of the others.",
        "Aire sous la courbe {roc_auc}. Au point de fonctionnement ({threshold}), {sensitivity} % des "
        "événements sont signalés, et {alarms} % des autres cas.",
    ),
    "precision_recall": Text(
        "Area under the curve {pr_auc}, against a frequency of {prevalence} %. At the operating point "
        "{precision} % of the flagged have the event.",
        "Aire sous la courbe {pr_auc}, pour une fréquence de {prevalence} %. Au point de fonctionnement, "
        "{precision} % des cas signalés ont l’événement.",
    ),
    "calibration": Text(
        "Calibration slope {calibration_slope} (1 is right), in the large {calibration_intercept} (0 is "
        "right). Below: predictions for events (upwards) and for the others (downwards), each to its own "
        "scale.",
        "Pente de calibration {calibration_slope} (1 est juste), calibration moyenne {calibration_intercept} "
        "(0 est juste). En bas : prédictions des événements (vers le haut) et des autres cas (vers le bas), "
        "chacune à son échelle.",
    ),
    "confusion": Text(
        "At {threshold}: {tp} events flagged and {fn} missed; {fp} false alarms, {tn} rightly not flagged.",
        "À {threshold} : {tp} événements signalés et {fn} manqués ; {fp} fausses alertes, {tn} cas laissés "
        "à juste titre.",
    ),
    "decision": Text(
        "What acting on the model is worth against flagging everybody or nobody (Vickers and Elkin 2006). At "
        "{threshold}: {net_benefit} per 100 cases.",
        "Ce que vaut une décision fondée sur le modèle, comparée à signaler tous les cas ou aucun (Vickers "
        "et Elkin 2006). À {threshold} : {net_benefit} pour 100 cas.",
    ),
    "cost": Text(
        "A missed event costs {missed}, a false alarm {false_alarm}. At {threshold} a case costs {cost}.",
        "Un événement manqué coûte {missed}, une fausse alerte {false_alarm}. À {threshold}, un cas coûte "
        "{cost}.",
    ),
}
FIGURES = ("roc_auc", "pr_auc", "calibration_slope", "calibration_intercept", "cost")


def title(kind: str, language: str) -> str:
    """Return the heading of a drawing."""
    return TITLES[kind].to(language)


def caption(kind: str, curves: Mapping[str, Any], language: str) -> str:
    """Return what a drawing says, in words: its caption, and its text alternative."""
    if kind in staging.CAPTIONS:
        return staging.caption(kind, curves, language)
    return CAPTIONS[kind].to(language).format(**_words(curves, language))


def _words(curves: Mapping[str, Any], language: str) -> dict[str, str]:
    """Return the numbers of the captions, written out."""
    roc, confusion = curves["roc"]["point"], curves["confusion"]
    point = curves["precision_recall"]["point"]
    words = {name: figure(found, language) for name, found in curves["figures"].items()}
    benefit = curves["figures"].get("net_benefit")
    words["net_benefit"] = figure(benefit, language, factor=100, decimals=1) if benefit else DASH
    for name in FIGURES:
        words.setdefault(name, DASH)
    cost = curves.get("cost", {})
    return {
        **words,
        "threshold": f"{short(100 * curves['threshold'], language)} %",
        "sensitivity": number(100 * roc[1], 0, language),
        "alarms": number(100 * roc[0], 0, language),
        "precision": number(100 * point[1], 0, language) if point else DASH,
        "prevalence": short(100 * curves["precision_recall"]["prevalence"], language),
        "missed": short(cost.get("missed", 0), language),
        "false_alarm": short(cost.get("false_alarm", 0), language),
        **{name: count(cases, language) for name, cases in confusion.items()},
    }

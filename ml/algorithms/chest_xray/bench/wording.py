"""Runs in words, both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.algorithms.chest_xray.bench.settings import Settings
from ml.contracts import Text

STRATEGY = {
    "no_tuning": Text("nothing tuned", "rien d’ajusté"),
    "full": Text("everything tuned", "tout ajusté"),
}
WEIGHTS = {"random": Text("random weights", "poids aléatoires")}
IMAGENET = Text("ImageNet weights", "poids ImageNet")
POOLING = {"max": Text("maximum pooling", "agrégation par maximum"),
           "avg": Text("average pooling", "agrégation par moyenne")}  # fmt: skip
LOSS = {
    "categorical_crossentropy": Text("cross-entropy", "entropie croisée"),
    "categorical_focal_crossentropy": Text("focal loss", "perte focale"),
}
FLAGS = {
    "balancing": Text("classes not balanced", "classes non équilibrées"),
    "augmentation": Text("no augmentation", "sans augmentation"),
}
SWITCHED_ON = {
    "balancing": Text("classes balanced", "classes équilibrées"),
    "augmentation": Text("augmentation", "avec augmentation"),
}
NORMALISATION = {
    "image": Text("each image normalised", "chaque image normalisée"),
    "network": Text("grey levels as they are", "niveaux de gris tels quels"),
}
FIXED = Text("{n} layers fixed", "{n} couches figées")
TUNED_ABOVE = Text("tuned above layer {n}", "ajusté au-delà de la couche {n}")
SIDE = Text("{n} px", "{n} px")
RATE = Text("learning rate {n}", "taux d’apprentissage {n}")
MOMENTUM = Text("running statistics of momentum {n}", "statistiques mobiles d’inertie {n}")
OWN_MOMENTUM = Text("running statistics as built", "statistiques mobiles d’origine")
OPTIMIZER = Text("optimiser {n}", "optimiseur {n}")
BATCH = Text("batches of {n}", "lots de {n}")
HEAD = Text("head {n}", "tête {n}")
OTHER = Text("{key} {n}", "{key} {n}")
NORMALISED = Text("normalisation", "normalisation")


def describe(one: Settings) -> Text:
    """Return what a candidate is: backbone, weights, input and what is tuned."""
    name = one.backbone + "".join(f" {key} {value}" for key, value in one.options.items())
    said = [name.replace("alpha", "α"), _filled(SIDE, one.side), WEIGHTS.get(one.weights, IMAGENET)]
    said.append(STRATEGY.get(one.strategy) or _filled(FIXED, one.fixed_layers))
    if one.momentum is not None:
        said.append(_filled(MOMENTUM, one.momentum))
    return _joined(said)


def changes(found: Mapping[str, Any]) -> Text:
    """Return what a challenger changes, as :func:`ml.algorithms.chest_xray.bench.settings.different` says."""
    # From which layer on it is tuned says that some are fixed.
    said = {key: value for key, value in found.items() if (key, value) != ("strategy", "fixed_layers")}
    return _joined([_change(key, value) for key, value in said.items()])


def head(added_layers: Sequence[Mapping[str, Any]]) -> Text:
    """Return a head in a few words: its layers from the pooled features on."""
    return _joined([_layer(layer) for layer in added_layers], " – ")


def _layer(layer: Mapping[str, Any]) -> Text:
    if layer["kind"] == "dropout":
        return _filled(Text("dropout {n}", "dropout {n}"), layer["rate"])
    if layer["kind"] == "batch_normalization":
        return NORMALISED
    return _filled(Text("dense {n}", "dense {n}"), layer["units"])


def _change(key: str, value: Any) -> Text:
    if key in FLAGS:
        return (SWITCHED_ON if value else FLAGS)[key]
    if key == "momentum" and value is None:
        return OWN_MOMENTUM
    if key == "added_layers":
        words = head(value)
        return Text(HEAD.en.format(n=words.en), HEAD.fr.format(n=words.fr))
    named = {"strategy": STRATEGY, "pooling": POOLING, "loss": LOSS, "normalisation": NORMALISATION}
    if key in named and value in named[key]:
        return named[key][value]
    numbered = {
        "fixed_layers": TUNED_ABOVE, "side": SIDE, "learning_rate": RATE, "momentum": MOMENTUM,
        "optimizer": OPTIMIZER, "batch": BATCH,
    }  # fmt: skip
    if key in numbered:
        return _filled(numbered[key], value)
    return Text(f"{key} {value}", f"{key} {value}")


def _filled(words: Text, value: float | str) -> Text:
    # Three digits: what a search drew has sixteen.
    said = f"{value:.3g}" if isinstance(value, float) else str(value)
    french = said.replace(".", ",") if isinstance(value, float) else said
    return Text(words.en.format(n=said), words.fr.format(n=french))


def _joined(said: Sequence[Text | str], by: str = ", ") -> Text:
    texts = [one if isinstance(one, Text) else Text(one, one.replace(".", ",")) for one in said]
    return Text(by.join(one.en for one in texts), by.join(one.fr for one in texts))

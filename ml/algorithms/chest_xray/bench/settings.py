"""What a run of the bench is made of, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STRATEGIES = ("no_tuning", "fixed_layers", "full")
POOLINGS = ("max", "avg")
OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")
LOSSES = ("categorical_crossentropy", "categorical_focal_crossentropy")
ACTIVATIONS = ("linear", "relu", "gelu", "silu", "tanh", "softmax")
CLASSES = 2


class WrongSetting(ValueError):
    """A setting is missing, unknown or out of range; the message names its key."""


@dataclass(frozen=True)
class Settings:
    """One run, as ``chest_xray.bench.run`` of ``params.yaml`` describes it."""

    backbone: str
    options: Mapping[str, Any]
    weights: str
    side: int
    pooling: str
    strategy: str
    fixed_layers: int
    optimizer: str
    learning_rate: float
    loss: str
    balancing: bool
    augmentation: bool
    batch: int
    epochs: int
    patience: int
    added_layers: Sequence[Mapping[str, Any]]


CHOICES = {"pooling": POOLINGS, "strategy": STRATEGIES, "optimizer": OPTIMIZERS, "loss": LOSSES}
LEAST = {"side": 32, "fixed_layers": 0, "batch": 1, "epochs": 1, "patience": 1}
LAYERS: dict[str, tuple[str, ...]] = {
    "dense": ("units", "activation"),
    "dropout": ("rate",),
    "batch_normalization": (),
}
"""Kinds of added layer and the keys each must have."""


def settings(given: Mapping[str, Any], where: str) -> Settings:
    """Check the parameters of a run.

    Parameters
    ----------
    where
        Path of the parameters in ``params.yaml``, for the message.

    Raises
    ------
    WrongSetting
        Naming the key, what was expected and what came.
    """
    known = Settings.__annotations__
    for key in given:
        if key not in known:
            raise WrongSetting(f"{where}.{key}: no such setting; there are: {', '.join(known)}")
    for key in known:
        if key not in given:
            raise WrongSetting(f"{where}.{key}: missing")
    for key, allowed in CHOICES.items():
        _expect(given[key] in allowed, f"{where}.{key}", f"one of {', '.join(allowed)}", given[key])
    for key, least in LEAST.items():
        right = isinstance(given[key], int) and not isinstance(given[key], bool) and given[key] >= least
        _expect(right, f"{where}.{key}", f"a whole number from {least}", given[key])
    for key in ("balancing", "augmentation"):
        _expect(isinstance(given[key], bool), f"{where}.{key}", "true or false", given[key])
    for key in ("backbone", "weights"):
        _expect(isinstance(given[key], str) and given[key], f"{where}.{key}", "a name", given[key])
    rate = given["learning_rate"]
    _expect(isinstance(rate, float) and 0 < rate < 1, f"{where}.learning_rate", "a number in 0 to 1", rate)
    _expect(isinstance(given["options"], Mapping), f"{where}.options", "names and values", given["options"])
    check_layers(given["added_layers"], f"{where}.added_layers")
    return Settings(**given)


def check_layers(layers: Any, where: str) -> None:
    """Check a declarative list of layers: known kinds, their keys, two classes at the end."""
    _expect(isinstance(layers, Sequence) and bool(layers), where, "a list of layers", layers)
    for number, layer in enumerate(layers):
        here = f"{where}.{number}"
        _expect(isinstance(layer, Mapping), here, "a layer such as {kind: dropout, rate: 0.3}", layer)
        kind = layer.get("kind")
        _expect(kind in LAYERS, f"{here}.kind", f"one of {', '.join(LAYERS)}", kind)
        for key in {*LAYERS[kind], *layer} - {"kind"}:
            _expect(key in LAYERS[kind], f"{here}.{key}", f"only {', '.join(LAYERS[kind]) or 'kind'}", key)
            _expect(key in layer, f"{here}.{key}", "to be given", "nothing")
        if kind == "dropout":
            rate = layer["rate"]
            _expect(isinstance(rate, float | int) and 0 <= rate < 1, f"{here}.rate", "0 to below 1", rate)
        if kind == "dense":
            units = layer["units"]
            _expect(isinstance(units, int) and units > 0, f"{here}.units", "a whole number from 1", units)
            allowed = layer["activation"] in ACTIVATIONS
            _expect(allowed, f"{here}.activation", f"one of {', '.join(ACTIVATIONS)}", layer["activation"])
    last = {key: layers[-1].get(key) for key in ("kind", "units", "activation")}
    wanted = {"kind": "dense", "units": CLASSES, "activation": "softmax"}
    _expect(last == wanted, f"{where}.{len(layers) - 1}", f"{wanted} as the last layer", last)


def _expect(right: bool, where: str, expected: str, given: Any) -> None:
    if not right:
        raise WrongSetting(f"{where}: expected {expected}, got {given!r}")

"""What the bench and each of its runs are made of, checked before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from ml.training.params import SEARCH, WrongParams, choice, listed, named, number, section, text

STRATEGIES = ("no_tuning", "fixed_layers", "full")
POOLINGS = ("max", "avg")
OPTIMIZERS = ("adam", "adamw", "rmsprop", "sgd")
LOSSES = ("categorical_crossentropy", "categorical_focal_crossentropy")
NORMALISATIONS = ("network", "image")
ACTIVATIONS = ("linear", "relu", "gelu", "silu", "tanh", "softmax")
CLASSES = 2
TUNED = "tuned"
"""Name of the run that a search found."""
WHERE = "chest_xray.bench"
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]|\.(?!\.))*")
"""Of a run: it stands in addresses and files of what keeps the runs."""
FEWEST = 50
"""Images with which it may be tried whether every fold gets enough patients."""

Check = Callable[[Any, str], Iterator[str]]


class WrongSetting(WrongParams):
    """A setting is missing, unknown or out of range; the message names its key and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """One run, as ``chest_xray.bench.run`` of ``params.yaml`` describes it.

    Parameters
    ----------
    backbone, options
        A network of Keras Applications, or ``EfficientNetLite0``, and arguments of its constructor.
    weights
        ``imagenet``, ``random``, or a file below the data folder.
    normalisation
        ``network``: the grey levels as the backbone's own training prepared them; ``image``: each image
        is brought to the same mean and spread first.
    momentum
        Of the running statistics of batch normalisation; ``None`` leaves the backbone's own.
    fixed_layers
        How many layers from the input stay as they are, with strategy ``fixed_layers``.
    added_layers
        From the pooled features to the two classes.
    """

    backbone: str
    options: Mapping[str, Any]
    weights: str
    side: int
    normalisation: str
    momentum: float | None
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


@dataclass(frozen=True)
class Bench:
    """Everything the bench runs, checked.

    Parameters
    ----------
    common
        What all runs share: seed, images, folds, copies, shifts, stopping.
    candidates
        Runs by name.
    challengers
        What each challenger changes of the chosen candidate, by name.
    reference
        Name of the candidate the others are compared with.
    sensitivity
        At which the precision is read.
    samples
        Of the bootstrap.
    """

    common: Mapping[str, Any]
    candidates: Mapping[str, Settings]
    challengers: Mapping[str, Mapping[str, Any]]
    reference: str
    sensitivity: float
    samples: int
    search: Mapping[str, Any]


LAYERS: dict[str, dict[str, Check]] = {
    "dense": {"units": number(1, whole=True), "activation": choice(*ACTIVATIONS)},
    "dropout": {"rate": number(0, 0.99)},
    "batch_normalization": {},
}
"""Kinds of added layer and the keys each must have."""


def _layer(value: Any, key: str) -> Iterator[str]:
    if not isinstance(value, Mapping) or value.get("kind") not in LAYERS:
        kind = value.get("kind") if isinstance(value, Mapping) else value
        yield f"{key}.kind is {kind!r}; allowed: {', '.join(LAYERS)}"
        return
    yield from section({"kind": text, **LAYERS[value["kind"]]})(value, key)


def _added_layers(value: Any, key: str) -> Iterator[str]:
    faults = list(listed(_layer)(value, key))
    yield from faults
    last = {"kind": "dense", "units": CLASSES, "activation": "softmax"}
    if not faults and dict(value[-1]) != last:
        yield f"{key}[{len(value) - 1}] is {dict(value[-1])!r}; allowed as the last layer is {last}"


def _options(value: Any, key: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{key} is {value!r}; allowed are arguments of the backbone's constructor, or {{}}"


def _momentum(value: Any, key: str) -> Iterator[str]:
    if value is not None:
        yield from number(0, 1, within=True)(value, key)


def _images(value: Any, key: str) -> Iterator[str]:
    if value == 0 and not isinstance(value, bool):
        return
    if list(number(FEWEST, whole=True)(value, key)):
        yield f"{key} is {value!r}; allowed is a whole number from {FEWEST} up, or 0 for all"


def _runs(value: Any, key: str) -> Iterator[str]:
    yield from named(section({}, RUN))(value, key)
    for name in value if isinstance(value, Mapping) else ():
        if not NAME.fullmatch(str(name)):
            yield f"{key}.{name} is no name; allowed are letters, digits, - and _, and single dots within"


COUNT, FLAG = number(1, whole=True), choice(True, False)
RUN: Mapping[str, Check] = {
    "backbone": text, "options": _options, "weights": text, "side": number(32, 1024, whole=True),
    "normalisation": choice(*NORMALISATIONS), "momentum": _momentum, "pooling": choice(*POOLINGS),
    "strategy": choice(*STRATEGIES), "fixed_layers": number(0, whole=True),
    "optimizer": choice(*OPTIMIZERS), "learning_rate": number(0, 1, within=True), "loss": choice(*LOSSES),
    "balancing": FLAG, "augmentation": FLAG, "batch": COUNT, "epochs": COUNT, "patience": COUNT,
    "added_layers": _added_layers,
}  # fmt: skip
COMMON: Mapping[str, Check] = {
    "seed": number(0, whole=True), "images": _images, "folds": number(2, whole=True),
    "copies": COUNT, "shifts": COUNT, "stopping": number(0, 1, within=True),
}  # fmt: skip
BENCH = section(
    {
        **COMMON, "sensitivity": number(0, 1, within=True), "samples": number(2, whole=True),
        "reference": text, "run": section(RUN), "candidates": _runs, "challengers": _runs, "search": SEARCH,
    }
)  # fmt: skip


def settings(given: Mapping[str, Any], where: str) -> Settings:
    """Check the parameters of a run.

    Parameters
    ----------
    where
        Path of the parameters in ``params.yaml``, for the message.

    Raises
    ------
    WrongSetting
        With every fault: the key, what it is and what is allowed.
    """
    _raise(section(RUN)(given, where))
    return Settings(**given)


def changed(base: Settings, changes: Mapping[str, Any], where: str) -> Settings:
    """Return settings with some of them changed; ``WrongSetting`` as :func:`settings`."""
    return settings(asdict(base) | dict(changes), where)


def different(one: Settings, base: Settings) -> dict[str, Any]:
    """Return the settings in which ``one`` differs from ``base``, by name.

    How many layers are fixed counts only where that is the strategy of both.
    """
    names = [
        field.name for field in fields(Settings) if getattr(one, field.name) != getattr(base, field.name)
    ]
    idle = one.strategy != "fixed_layers"
    return {name: getattr(one, name) for name in names if not (idle and name == "fixed_layers")}


def check_layers(layers: Any, where: str) -> None:
    """Check a declarative list of layers: known kinds, their keys, two classes at the end."""
    _raise(_added_layers(layers, where))


def bench(params: Mapping[str, Any]) -> Bench:
    """Check the section ``chest_xray.bench`` of ``params.yaml``.

    Raises
    ------
    WrongSetting
        With every fault: the key, what it is and what is allowed.
    """
    _raise(BENCH(params, WHERE))
    if params["reference"] not in params["candidates"]:
        allowed = ", ".join(params["candidates"])
        raise WrongSetting(f"{WHERE}.reference is {params['reference']!r}; allowed: {allowed}")
    if twice := [name for name in params["challengers"] if name in (*params["candidates"], TUNED)]:
        raise WrongSetting(f"{WHERE}.challengers.{twice[0]} is the name of another run; give it its own")
    unknown = [name for name in params["search"]["space"] if name not in RUN]
    if unknown:
        raise WrongSetting(f"{WHERE}.search.space.{unknown[0]} is no key; allowed: {', '.join(RUN)}")
    return Bench(
        common={key: params[key] for key in COMMON},
        candidates={
            name: settings(params["run"] | own, f"{WHERE}.candidates.{name}")
            for name, own in params["candidates"].items()
        },
        challengers=params["challengers"],
        reference=params["reference"],
        sensitivity=params["sensitivity"],
        samples=params["samples"],
        search=params["search"],
    )


def _raise(faults: Iterator[str]) -> None:
    if found := list(faults):
        raise WrongSetting("; ".join(found))

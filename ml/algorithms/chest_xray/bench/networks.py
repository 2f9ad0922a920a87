"""Any backbone of Keras Applications with a head described as a list, built by one function."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
from keras import layers

from ml.algorithms.chest_xray.bench.settings import Settings, WrongSetting, check_layers
from ml.training.data import DataMissing

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
LOSSES = {
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "categorical_focal_crossentropy": keras.losses.CategoricalFocalCrossentropy,
}


def backbones() -> dict[str, ModuleType]:
    """Return every backbone of Keras Applications and the module with its preprocessing."""
    modules = [module for _, module in inspect.getmembers(keras.applications, inspect.ismodule)]
    return {
        name: module
        for module in modules
        if hasattr(module, "preprocess_input")
        for name, member in inspect.getmembers(module, callable)
        if name[0].isupper()
    }


def build(
    params: Settings, added_layers: Sequence[Mapping[str, Any]], data: Path = Path(), where: str = "run"
) -> keras.Model:
    """Build and compile a network.

    Parameters
    ----------
    params
        Backbone, weights, strategy, optimiser and loss.
    added_layers
        From the pooled features to the classes, as ``settings.check_layers`` knows them.
    data
        Folder below which a weights file is looked for.
    where
        Path of the parameters, for messages.

    Returns
    -------
    keras.Model
        From (n, side, side, 1) grey levels 0–255 to (n, 2) probabilities: normal, pneumonia.

    Raises
    ------
    WrongSetting
        When the backbone, its options or the number of fixed layers do not exist.
    ml.training.data.DataMissing
        When a weights file is not there, or ImageNet weights cannot be downloaded.
    """
    check_layers(added_layers, f"{where}.added_layers")
    image = keras.Input((params.side, params.side, 1), name="image")
    network, prepare = _backbone(params, data, where)
    network.trainable = params.strategy != "no_tuning"
    if params.strategy == "fixed_layers":
        if params.fixed_layers > len(network.layers):
            raise WrongSetting(
                f"{where}.fixed_layers: expected at most {len(network.layers)}, the layers of "
                f"{params.backbone}, got {params.fixed_layers}"
            )
        for layer in network.layers[: params.fixed_layers]:
            layer.trainable = False
    # In inference mode batch normalisation keeps its ImageNet statistics: small batches would spoil them.
    made = network(
        prepare(layers.Concatenate()([image] * 3)), training=False if _pretrained(params) else None
    )
    for layer in added_layers:
        made = _added(layer)(made)
    model = keras.Model(image, made, name=params.backbone.lower())
    model.compile(optimizer=OPTIMIZERS[params.optimizer](params.learning_rate), loss=LOSSES[params.loss]())
    return model


def _pretrained(params: Settings) -> bool:
    return params.weights != "random"


def _backbone(params: Settings, data: Path, where: str) -> tuple[keras.Model, Any]:
    """Return the network without its top and the function that prepares colours for it."""
    known = backbones()
    if params.backbone not in known:
        raise WrongSetting(
            f"{where}.backbone: expected one of Keras Applications ({', '.join(sorted(known))}), "
            f"got {params.backbone!r}"
        )
    module, imagenet = known[params.backbone], params.weights == "imagenet"
    try:
        network = getattr(module, params.backbone)(
            input_shape=(params.side, params.side, 3), include_top=False, pooling=params.pooling,
            weights="imagenet" if imagenet else None, **params.options,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise WrongSetting(f"{where}.options: {params.backbone} does not take them: {error}") from error
    except Exception as error:
        # Keras Applications passes on whatever its download ran into.
        if not imagenet:
            raise
        hint = f"ImageNet weights could not be downloaded ({error}); name a file instead: {where}.weights"
        raise DataMissing(data, (f"weights of {params.backbone}",), hint) from error
    if params.weights not in ("imagenet", "random"):
        if not (data / params.weights).is_file():
            raise DataMissing(data, (params.weights,), f"named by {where}.weights")
        network.load_weights(data / params.weights)
    return network, module.preprocess_input


def _added(layer: Mapping[str, Any]) -> keras.Layer:
    if layer["kind"] == "dropout":
        return layers.Dropout(layer["rate"])
    if layer["kind"] == "batch_normalization":
        return layers.BatchNormalization()
    return layers.Dense(layer["units"], activation=layer["activation"])

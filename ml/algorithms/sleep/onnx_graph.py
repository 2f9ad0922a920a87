"""An ONNX graph written node by node, so that what serves is exactly what is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
"""What the oldest runtime in use reads."""
Widths = Mapping[str, tuple[int, ...]]


class Graph:
    """Collects nodes and weights of an ONNX graph under generated names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, value: np.ndarray) -> str:
        """Add a weight and return its name."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of what comes out of it."""
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def made(self, name: str, inputs: Widths, outputs: Widths) -> bytes:
        """Return the checked graph.

        Parameters
        ----------
        inputs, outputs
            The axes of each after (batch, epochs), by name.
        """
        ends = [
            [
                helper.make_tensor_value_info(end, TensorProto.FLOAT, ["batch", "epochs", *axes])
                for end, axes in widths.items()
            ]
            for widths in (inputs, outputs)
        ]
        made = helper.make_model(
            helper.make_graph(self.nodes, name, *ends, self.weights),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(made)
        return made.SerializeToString()

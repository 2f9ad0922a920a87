"""One ONNX graph from a fitted classifier: members, vote and recalibration in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
import onnxmltools
from onnx import TensorProto, compose, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType as XgboostFloats
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from xgboost import XGBClassifier

from ml.tabular.scoring import INPUT, OUTPUT
from ml.training.calibration import Sigmoid
from ml.training.evaluation import CLIP
from ml.training.pipeline import TabularClassifier

OPSET, ML_OPSET, IR = 15, 1, 8


def export(model: TabularClassifier) -> onnx.ModelProto:
    """Return the graph from prepared features to the probability of the event.

    Input ``features`` float32 (n, d); output ``probability`` float32 (n, 1). Agrees with
    scikit-learn within 1e-5, because training sees float32 too.
    """
    d = len(model.preparation.features)
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = [
        _constant("event_column", np.array([1], dtype=np.int64)),
    ]
    for i, (member, share) in enumerate(zip(model.members, model.recipe.shares, strict=True)):
        graph = compose.add_prefix(_convert(member, d), f"m{i}_").graph
        nodes.append(helper.make_node("Identity", [INPUT], [graph.input[0].name]))
        nodes.extend(graph.node)
        constants.extend(graph.initializer)
        constants.append(_constant(f"share{i}", np.array([share], dtype=np.float32)))
        nodes.extend(_vote(graph.output[1].name, i))
    nodes.append(helper.make_node("Sum", [f"vote{i}" for i in range(len(model.members))], ["votes"]))
    nodes.extend(_recalibrate(model.calibration, constants))
    return _model(nodes, constants, d)


def _convert(member: Any, d: int) -> onnx.ModelProto:
    if isinstance(member, XGBClassifier):
        types = [("x", XgboostFloats([None, d]))]
        return onnxmltools.convert_xgboost(member, initial_types=types, target_opset=OPSET)
    return convert_sklearn(
        member,
        initial_types=[("x", FloatTensorType([None, d]))],
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        options={id(member): {"zipmap": False}},
    )


def _vote(probabilities: str, i: int) -> Iterable[onnx.NodeProto]:
    yield helper.make_node("Gather", [probabilities, "event_column"], [f"event{i}"], axis=1)
    yield helper.make_node("Mul", [f"event{i}", f"share{i}"], [f"vote{i}"])


def _recalibrate(curve: Sigmoid, constants: list[onnx.TensorProto]) -> Iterable[onnx.NodeProto]:
    """Nodes for ``sigmoid(intercept + slope · log(p / (1 − p)))``, with the same clipping as in training."""
    for name, value in {
        "clip_low": np.float32(CLIP), "clip_high": np.float32(1 - CLIP), "one": np.float32(1),
        "slope": np.float32(curve.slope), "intercept": np.float32(curve.intercept),
    }.items():  # fmt: skip
        constants.append(_constant(name, np.asarray(value, dtype=np.float32)))
    yield helper.make_node("Clip", ["votes", "clip_low", "clip_high"], ["p"])
    yield helper.make_node("Sub", ["one", "p"], ["q"])
    yield helper.make_node("Div", ["p", "q"], ["odds"])
    yield helper.make_node("Log", ["odds"], ["log_odds"])
    yield helper.make_node("Mul", ["log_odds", "slope"], ["sloped"])
    yield helper.make_node("Add", ["sloped", "intercept"], ["shifted"])
    yield helper.make_node("Sigmoid", ["shifted"], [OUTPUT])


def _constant(name: str, value: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def _model(nodes: list[onnx.NodeProto], constants: list[onnx.TensorProto], d: int) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "tabular",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, d])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
        constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="vigie")
    onnx.checker.check_model(made)
    return made

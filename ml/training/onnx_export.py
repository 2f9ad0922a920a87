"""One ONNX graph from a fitted classifier: members, vote and recalibration in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ml.tabular.scoring import INPUT, OUTPUT
from ml.training.calibration import Calibration, Isotonic
from ml.training.pipeline import TabularClassifier
from ml.training.steps import CLIP
from ml.training.trees import LEAF, Ensemble, of_boosting, of_forest, of_xgboost

OPSET, ML_OPSET, IR = 15, 3, 8


def export(model: TabularClassifier) -> onnx.ModelProto:
    """Return the graph from prepared features to the probability of the event.

    Input ``features`` float32 (n, d); output ``probability`` float32 (n, 1). Agrees with Python
    within 1e-5: training sees the same float32 features, and the graph goes on in double precision.
    Both the event and its absence are voted on, because ``1 - p`` of a rounded ``p`` near 1 has no
    digits left for the log odds.
    """
    graph = _Graph(len(model.preparation.features))
    shares = model.recipe.shares
    both = [
        MEMBERS[name](graph, member) for name, member in zip(model.recipe.members, model.members, strict=True)
    ]
    for_event, against = (
        graph.add("Sum", *(graph.add("Mul", p, graph.constant(w)) for p, w in zip(side, shares, strict=True)))
        for side in zip(*both, strict=True)
    )
    calibrated = _recalibrated(graph, model.calibration, for_event, against)
    graph.add("Cast", calibrated, to=TensorProto.FLOAT, output=OUTPUT)
    return graph.model()


class _Graph:
    """Nodes and constants under construction; every name is given in order, so bytes repeat."""

    def __init__(self, d: int) -> None:
        self.d = d
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.features = self.add("Cast", INPUT, to=TensorProto.DOUBLE)

    def add(self, operation: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        output = output or f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any, kind: type = np.float64) -> str:
        """Add a constant and return its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=kind), name))
        return name

    def model(self) -> onnx.ModelProto:
        """Return the finished model."""
        graph = helper.make_graph(
            self.nodes,
            "tabular",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, self.d])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 1])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="vigie")
        onnx.checker.check_model(made)
        return made


def _logistic(graph: _Graph, member: Any) -> tuple[str, str]:
    return _both(graph, _dense(graph, graph.features, member.coef_.T, member.intercept_))


def _network(graph: _Graph, member: Any) -> tuple[str, str]:
    values = graph.features
    for weights, offsets in member.layers[:-1]:
        values = graph.add("Relu", _dense(graph, values, weights, offsets))
    return _both(graph, _dense(graph, values, *member.layers[-1]))


def _svm(graph: _Graph, member: Any) -> tuple[str, str]:
    vectors, weights, intercept = member.support
    if member.kernel == "linear":
        return _both(graph, _dense(graph, graph.features, vectors.T @ weights[:, None], [intercept]))
    return _both(graph, _dense(graph, _radial(graph, vectors, member.gamma), weights[:, None], [intercept]))


def _forest(graph: _Graph, member: Any) -> tuple[str, str]:
    probabilities = _trees(graph, of_forest(member))
    against, for_event = (
        graph.add("Gather", probabilities, graph.constant([i], np.int64), axis=1) for i in (0, 1)
    )
    return for_event, against


def _boosting(graph: _Graph, member: Any) -> tuple[str, str]:
    return _both(graph, _trees(graph, of_boosting(member)))


def _xgboost(graph: _Graph, member: Any) -> tuple[str, str]:
    return _both(graph, _trees(graph, of_xgboost(member)))


def _both(graph: _Graph, log_odds: str) -> tuple[str, str]:
    """Add the probabilities of the event and of its absence."""
    return graph.add("Sigmoid", log_odds), graph.add("Sigmoid", graph.add("Neg", log_odds))


def _radial(graph: _Graph, vectors: np.ndarray, gamma: float) -> str:
    """``exp(-γ |x - s|²)`` of every row with every support vector, as ``|x|² + |s|² - 2 x·s``."""
    squares = graph.add("ReduceSumSquare", graph.features, axes=[1], keepdims=1)
    products = _dense(graph, graph.features, -2 * vectors.T, (vectors**2).sum(axis=1))
    return graph.add("Exp", graph.add("Mul", graph.add("Add", squares, products), graph.constant(-gamma)))


def _dense(graph: _Graph, values: str, weights: np.ndarray, offsets: Any) -> str:
    return graph.add("Add", graph.add("MatMul", values, graph.constant(weights)), graph.constant(offsets))


def _trees(graph: _Graph, ensemble: Ensemble) -> str:
    """Add trees that compare and sum in double precision; their sums, (n, targets), leave as float32."""
    sizes = [len(tree.left) for tree in ensemble.trees]
    left, right, feature, threshold, values = (
        np.concatenate([getattr(tree, part) for tree in ensemble.trees])
        for part in ("left", "right", "feature", "threshold", "values")
    )
    tree_ids, node_ids = (
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([np.arange(n) for n in sizes]),
    )
    leaf = left == LEAF
    targets = values.shape[1]
    sums = graph.add(
        "TreeEnsembleRegressor",
        graph.features,
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values_as_tensor=_tensor(ensemble.base),
        nodes_treeids=tree_ids.tolist(),
        nodes_nodeids=node_ids.tolist(),
        nodes_featureids=np.where(leaf, 0, feature).tolist(),
        nodes_values_as_tensor=_tensor(np.where(leaf, 0.0, threshold)),
        nodes_modes=np.where(leaf, "LEAF", ensemble.condition).tolist(),
        nodes_truenodeids=np.where(leaf, 0, left).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, right).tolist(),
        target_treeids=np.repeat(tree_ids[leaf], targets).tolist(),
        target_nodeids=np.repeat(node_ids[leaf], targets).tolist(),
        target_ids=np.tile(np.arange(targets), int(leaf.sum())).tolist(),
        target_weights_as_tensor=_tensor(values[leaf].reshape(-1)),
    )
    return graph.add("Cast", sums, to=TensorProto.DOUBLE)


def _tensor(values: np.ndarray) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=np.float64), "values")


def _recalibrated(graph: _Graph, curve: Calibration, for_event: str, against: str) -> str:
    """Add the curve on the log odds of the vote, clipped as in training."""
    low, high = graph.constant(CLIP), graph.constant(1 - CLIP)
    p, q = graph.add("Clip", for_event, low, high), graph.add("Clip", against, low, high)
    log_odds = graph.add("Log", graph.add("Div", p, q))
    if isinstance(curve, Isotonic):
        return _interpolated(graph, log_odds, np.array(curve.log_odds), np.array(curve.probabilities))
    sloped = graph.add("Mul", log_odds, graph.constant(curve.slope))
    return graph.add("Sigmoid", graph.add("Add", sloped, graph.constant(curve.intercept)))


def _interpolated(graph: _Graph, x: str, knots: np.ndarray, values: np.ndarray) -> str:
    """Add ``numpy.interp``: the sum of what each piece between two knots rises up to ``x``."""
    if len(knots) == 1:
        return graph.add("Add", graph.add("Mul", x, graph.constant(0.0)), graph.constant(values[0]))
    reached = graph.add("Min", graph.add("Max", x, graph.constant(knots[:-1])), graph.constant(knots[1:]))
    within = graph.add("Sub", reached, graph.constant(knots[:-1]))
    slopes = np.diff(values) / np.diff(knots)
    return _dense(graph, within, slopes[:, None], values[:1])


MEMBERS: dict[str, Callable[[_Graph, Any], tuple[str, str]]] = {
    "logistic": _logistic,
    "random_forest": _forest,
    "gradient_boosting": _boosting,
    "xgboost": _xgboost,
    "svm": _svm,
    "network": _network,
}

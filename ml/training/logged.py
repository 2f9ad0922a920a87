"""Models in MLflow: logged as ONNX with signature and example, found again by their id."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any

import mlflow
import mlflow.onnx
import numpy as np
import onnx

from ml.tabular.preparation import Preparation, Table, table_of
from ml.tabular.scoring import OUTPUT, runner
from ml.training import tracking
from ml.training.onnx_export import export
from ml.training.pipeline import TabularClassifier

MODEL_ID = "model.id"


@dataclass(frozen=True)
class Logged:
    """A model read back from MLflow.

    Parameters
    ----------
    model
        MLflow's own pyfunc: from prepared features to ``{"probability": (n, 1)}``.
    """

    model_id: str
    preparation: Preparation
    model: mlflow.pyfunc.PyFuncModel

    def probabilities(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the probability of the event for each typed row, shape (n,)."""
        made = {derived.name for derived in self.preparation.derived}
        names = [n.name for n in self.preparation.numbers if n.name not in made]
        names += [c.name for c in self.preparation.categories]
        answer = self.model.predict(self.preparation.transform(table_of(rows, names)))
        return np.asarray(answer[OUTPUT], dtype=float).reshape(-1)


def log_model(model: TabularClassifier, table: Table, run: tracking.Run, *, rows: int = 5) -> str:
    """Log the ONNX model to the open run, with signature and input example, and return its id.

    The preparation goes along as metadata: the graph begins with prepared features.
    """
    example = model.preparation.transform({name: values[:rows] for name, values in table.items()})
    graph = export(model)
    p = runner(graph.SerializeToString())(example).astype(np.float32)
    info = mlflow.onnx.log_model(
        graph,
        name="model",
        signature=mlflow.models.infer_signature(example, {OUTPUT: p[:, None]}),
        input_example=example,
        metadata={"preparation": json.dumps(model.preparation.as_json())},
        pip_requirements=[f"onnxruntime=={installed('onnxruntime')}", f"onnx=={onnx.__version__}"],
        onnx_execution_providers=["CPUExecutionProvider"],
        save_as_external_data=False,
    )
    run.tag(MODEL_ID, info.model_id)
    return info.model_id


def load_model(model_id: str) -> Logged:
    """Return a logged model by its id, as the tag ``model.id`` of its run has it.

    Raises
    ------
    mlflow.exceptions.MlflowException
        When the store has no such model.
    """
    tracking.connect()
    uri = f"models:/{model_id}"
    metadata = mlflow.models.get_model_info(uri).metadata or {}
    preparation = Preparation.from_json(json.loads(metadata["preparation"]))
    return Logged(model_id, preparation, mlflow.pyfunc.load_model(uri))

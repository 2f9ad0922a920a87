"""Telling MLflow's registry what this one holds; without a store nothing is lost."""

from __future__ import annotations

from functools import partial

from ml.contracts import Problem, Refused, Text
from ml.training import registry as mlflow_registry
from ml.training import store
from predictions.jobs import Ending
from predictions.versions.aliases import aliases
from predictions.versions.models import Mirroring, ModelVersion

NO_STORE = Problem(
    "no_mlflow_store",
    Text(
        "MLflow's store cannot be reached: its registry is told at the next change. Studies are answered as "
        "ever.",
        "Le serveur MLflow est injoignable : son registre sera mis à jour au prochain changement. Les études "
        "reçoivent leurs réponses comme toujours.",
    ),
)


def mirror(row: Mirroring) -> Ending:
    """Register every version of an algorithm in MLflow's registry, with its aliases."""
    rows = ModelVersion.objects.filter(algorithm=row.algorithm)
    known = sorted(set(rows.values_list("version", flat=True)))
    try:
        numbers = mlflow_registry.mirror(row.algorithm, known, aliases(row.algorithm))
    except store.Unreachable as error:
        raise Refused(NO_STORE) from error
    return Ending({"mirrored": len(numbers)}, write=partial(_keep, row.algorithm, numbers))


def _keep(algorithm: str, numbers: dict[str, str]) -> None:
    for version, number in numbers.items():
        ModelVersion.objects.filter(algorithm=algorithm, version=version).update(mlflow_version=str(number))

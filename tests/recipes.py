"""A package with curves and comparisons over made-up cases, for the pages that show them."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml import package
from ml.contracts import Text
from ml.package import Package
from ml.training.comparison import Comparison, Entry, compare, document
from ml.training.curves import curves
from ml.training.thresholds import CostMatrix

LABELS = (
    Text("Logistic regression", "Régression logistique"),
    Text("Logistic regression + SMOTE", "Régression logistique + SMOTE"),
    Text("Logistic regression + SMOTEENN", "Régression logistique + SMOTEENN"),
    Text("Logistic regression + under-sampling", "Régression logistique + sous-échantillonnage"),
    Text("Random forest", "Forêt aléatoire"),
    Text("XGBoost", "XGBoost"),
    Text("Gradient boosting", "Gradient boosting"),
    Text("Support vector machine", "Machine à vecteurs de support"),
    Text("Neural network + class weights", "Réseau de neurones + poids de classes"),
    Text("Soft vote of all", "Vote pondéré de toutes"),
    Text("Literature model, not trained", "Modèle de la littérature, non entraîné"),
    Text("Bare frequency", "Seule fréquence"),
)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Return the probabilities of log odds."""
    return 1 / (1 + np.exp(-z))


def cases(n: int = 1500, *, seed: int = 0, mean: float = -2.5) -> tuple[np.ndarray, np.ndarray]:
    """Return labels drawn from true risks, and the log odds of these."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(mean, 1, n)
    return (rng.random(n) < sigmoid(odds)).astype(int), odds


def entries(odds: np.ndarray, count: int = len(LABELS), *, repeats: int = 2) -> list[Entry]:
    """Return recipes ever further from the true risk, whose raw probabilities are far too high."""
    rng = np.random.default_rng(1)
    made = []
    for number, label in enumerate(LABELS[:count]):
        z = odds + rng.normal(0, 0.12 * number + 0.05, (repeats, len(odds)))
        made.append(Entry(f"recipe_{number}", label, sigmoid(z + 2), sigmoid(z)))
    return made


@cache
def compared(*, synthetic: bool = False, costs: CostMatrix | None = None) -> Comparison:
    """Return a comparison of twelve recipes."""
    y, odds = cases()
    title = Text("Made-up cohort", "Cohorte inventée") if synthetic else Text("Register", "Registre")
    return compare(
        entries(odds), y, reference="recipe_0", threshold=0.1,
        data=title, title=title, synthetic=synthetic, costs=costs,
        unit=Text("births", "naissances"), command="python -m ml study", repeats=100,
    )  # fmt: skip


@cache
def drawn() -> dict[str, Any]:
    """Return curves of true risks."""
    y, odds = cases()
    data, unit = Text("Made-up register", "Registre inventé"), Text("births", "naissances")
    return curves(y, sigmoid(odds), threshold=0.1, costs=CostMatrix(5, 1), data=data, unit=unit, repeats=100)


def put_into_service(monkeypatch: pytest.MonkeyPatch, site: Path, algorithm: str = "haemorrhage") -> Package:
    """Let a copy of the shipped package serve that holds curves and comparisons."""
    monkeypatch.setattr(package, "SITE", site)
    shipped = package.load(algorithm)
    folder = site / algorithm / "9.0.0"
    shutil.copytree(shipped.folder, folder)
    comparisons = document([compared(costs=CostMatrix(5, 1)), compared(synthetic=True)])
    for name, content in (("curves.json", drawn()), ("comparison.json", comparisons)):
        (folder / name).write_text(json.dumps(content), "utf-8")
    dropped = ("files", *package.OUTSIDE_HASH)
    manifest = {key: value for key, value in shipped.manifest.items() if key not in dropped}
    package.write(folder, {**manifest, "version": "9.0.0"})
    return package.name_champion(algorithm, "9.0.0")

"""What a package shows, kept with the MLflow run that made it: curves, their drawings, comparisons.

Apart from :mod:`tracking`, so that a training without curves needs none of it.
"""

from __future__ import annotations

import mlflow

from ml import drawing
from ml.contracts import LANGUAGES
from ml.package import Package
from ml.training import comparison, curves
from ml.training.tracking import Run


def log_drawings(run: Run, package: Package) -> None:
    """Keep the curves and the comparison of a package, as far as it has them, with a run."""
    files = package.manifest["files"]
    if comparison.FILE in files:
        mlflow.log_dict(package.json(comparison.FILE), comparison.FILE, run_id=run.run_id)
    if curves.FILE not in files:
        return
    found = package.json(curves.FILE)
    mlflow.log_dict(found, f"curves/{curves.FILE}", run_id=run.run_id)
    for kind in drawing.kinds(found):
        for language in LANGUAGES:
            name = f"curves/{kind}.{language}.svg"
            mlflow.log_text(drawing.svg(kind, found, language), name, run_id=run.run_id)

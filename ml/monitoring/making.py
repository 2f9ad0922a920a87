"""Making baselines from public data, where that can be done honestly; with the stack of the trainings.

What a baseline lacks is not compared: a field that the data does not hold, or holds in another meaning, and
answers to studies that the model learned from, which look surer than answers to anybody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml import registry
from ml.algorithms.accident_severity import train as crashes
from ml.algorithms.chest_xray import dataset
from ml.algorithms.chest_xray import load as radiograph
from ml.algorithms.chest_xray import predict as radiologist
from ml.algorithms.german_credit import train as credits
from ml.algorithms.haemorrhage.external import ZURICH
from ml.contracts import Severity, Source, Text
from ml.monitoring.assembling import expected_of, samples
from ml.monitoring.drift import Sample, categories, numbers, thinned
from ml.monitoring.watched import Row, Score, Study, Watched
from ml.package import Package
from ml.training.data import fingerprint, require
from ml.training.tabular import raw_rows

COMMAND = "python -m ml baseline {algorithm} --data ../shared/data"
DAYS_A_WEEK, GRAMS = 7, 10
EXPOSURE = ("brightness", "contrast", "black", "white")


class NotHonest(ValueError):
    """No public data looks like what the model meets, so that a baseline of it would mislead."""


@dataclass(frozen=True)
class Made:
    """What a baseline is made of.

    Parameters
    ----------
    source
        Fingerprint of the data.
    inputs, outputs
        Samples by name.
    scores
        Of the answers, for the expected performance.
    """

    n: int
    data: Text
    source: str
    inputs: Mapping[str, Sample]
    outputs: Mapping[str, Sample]
    scores: Sequence[Score] = ()


def content(package: Package, data: Path) -> dict[str, Any]:
    """Return the content of a package's baseline.

    Raises
    ------
    NotHonest
        Where no public data would do.
    ml.training.data.DataMissing
        When the data is not below ``data``.
    """
    if package.algorithm not in MAKERS:
        raise NotHonest(
            f"{package.algorithm}: the public nights come as band powers, without channels, sampling rates "
            "or artefacts, and the model learned from all of them; take earlier nights of the laboratory"
        )
    made = MAKERS[package.algorithm](package, data)
    return {
        "n": made.n,
        "data": made.data.as_json(),
        "data_fingerprint": made.source,
        "command": COMMAND.format(algorithm=package.algorithm),
        "inputs": {name: _kept(sample) for name, sample in made.inputs.items() if sample.given},
        "outputs": {name: _kept(sample) for name, sample in made.outputs.items() if sample.given},
        "performance": expected_of(made.scores),
    }


def answered(package: Package, path: Path) -> tuple[list[Row], list[Score]]:
    """Return the watched values of a table of a reference task, and what the package says of its rows.

    Raises
    ------
    NotHonest
        For an algorithm that reads no table.
    """
    if package.algorithm not in TABLES:
        raise NotHonest(f"{package.algorithm} reads no table here; give one of: {', '.join(TABLES)}")
    return _answered(package, TABLES[package.algorithm](path))


def _answered(package: Package, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Row], list[Score]]:
    check = registry.door(package.algorithm, "contract").check
    typed = []
    for row in rows:
        values, problems = check(row)
        if not any(problem.severity is Severity.REFUSE for problem in problems):
            typed.append(values)
    summary = registry.door(package.algorithm, "summary")
    results = registry.door(package.algorithm, "rows").answers(package, typed)
    studies = [Study(values=values, result=result) for values, result in zip(typed, results, strict=True)]
    scores = [summary.score(study) for study in studies]
    return [summary.row(study) for study in studies], [score for score in scores if score]


def _credits(path: Path) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k != "creditability"} for row in raw_rows(path)]


def _crashes(path: Path) -> list[dict[str, str]]:
    return crashes.usable_rows(path)[0]


TABLES: dict[str, Callable[[Path], list[dict[str, str]]]] = {
    "german_credit": _credits,
    "accident_severity": _crashes,
}


def _german_credit(package: Package, data: Path) -> Made:
    """All thousand credits; their answers are left out, as the model learned from every one of them."""
    (path,) = require(data, credits.FILE, hint=credits.HINT)
    rows, _ = _answered(package, _credits(path))
    said = Text("all 1,000 credits of the training", "les 1 000 crédits de l’apprentissage")
    return Made(len(rows), said, fingerprint(path), samples(_watched(package), rows, output=False), {})


def _accident_severity(package: Package, data: Path) -> Made:
    """The crashes held out of every choice: input and answers of cases the model has never seen."""
    (path,) = require(data, crashes.FILE, hint=crashes.HINT)
    raw, y = crashes.usable_rows(path)
    _, held = crashes.split(y, package.manifest["training"]["params"])
    rows, scores = _answered(package, [raw[place] for place in held])
    said = Text("crashes of June 2019 held out of the training", "accidents de juin 2019 hors apprentissage")
    inputs, outputs = (samples(_watched(package), rows, output=output) for output in (False, True))
    return Made(len(rows), said, fingerprint(path), inputs, outputs, scores)


def _haemorrhage(package: Package, data: Path) -> Made:
    """Births of Zurich: the fields that the cohort and the form both have, in the same meaning.

    Not parity ("multiparous" only), not placenta (praevia or not), no answer: with so few fields every
    risk is nearer to the mean than on the ward.
    """
    (path,) = require(data, ZURICH)
    births = pd.read_csv(path)
    onset = np.select(
        [births["SECTIO.prim"] == "yes", births["IOL"] == "yes"],
        ["planned_caesarean", "induced"],
        "spontaneous",
    )
    inputs = {
        "age": numbers(births["AGE"]),
        "bmi": numbers(births["BMI"]),
        "gestation_weeks": numbers(births["GA"] // DAYS_A_WEEK),
        "haemoglobin": numbers(births["Hb.prae"] / GRAMS),
        "fibrinogen": numbers(births["F1.prae"]),
        "fetuses": numbers(np.where(births["TWIN"] == "yes", 2.0, 1.0)),
        "onset": categories(onset),
    }
    said = Text(
        "1,309 births of Zurich, 2015–16: the cohort the model was checked on, not learned from",
        "1 309 accouchements de Zurich, 2015–16 : la cohorte de vérification, non d’apprentissage",
    )
    return Made(len(births), said, fingerprint(path), inputs, {})


def _chest_xray(package: Package, data: Path) -> Made:
    """The official test images, scored as service does; they come without header and shrunk to 224 pixels."""
    rows = [row for row in dataset.rows(data) if row["split"] == "test"]
    summary = registry.door("chest_xray", "summary")
    studies = []
    for row in rows:
        source = Source(path=data / dataset.KERMANY / row["path"], options={"no_gate": True})
        studies.append(Study(result=radiologist.predict(package, radiograph.load(source, package))))
    watched = [summary.row(study) for study in studies]
    inputs = samples(_watched(package), watched, output=False)
    said = Text(
        "official test images of Kermany 2018, never learned from, at 224 pixels",
        "images de test officielles de Kermany 2018, hors apprentissage, à 224 pixels",
    )
    return Made(
        len(studies),
        said,
        fingerprint(data / dataset.LABELS),
        {name: inputs[name] for name in EXPOSURE},
        samples(_watched(package), watched, output=True),
        [summary.score(study) for study in studies],
    )


MAKERS: dict[str, Callable[[Package, Path], Made]] = {
    "haemorrhage": _haemorrhage,
    "chest_xray": _chest_xray,
    "german_credit": _german_credit,
    "accident_severity": _accident_severity,
}


def _watched(package: Package) -> tuple[Watched, ...]:
    return registry.door(package.algorithm, "summary").WATCHED


def _kept(sample: Sample) -> dict[str, Any]:
    """Return a sample as it is stored: at most 401 numbers, each with six digits."""
    held = thinned(sample).as_json()
    if "points" in held:
        held["points"] = [float(f"{point:.6g}") for point in held["points"]]
    return held

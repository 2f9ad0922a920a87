"""Whether a package still gives the answers it was stored with: the examples of its algorithm, run again.

``<version>.answers.json`` lies beside the folder of a version (:mod:`ml.beside`) and holds what it answered
when it was made.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from math import isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ml import beside, operating_points, promotion, registry, runner
from ml import package as packages
from ml.contracts import Text
from ml.package import Package
from ml.promotion import Criterion, ShadowFigures, Verdict

log = logging.getLogger(__name__)

TOLERANCE = 1e-3
"""How far a number may lie off: another processor or runtime rounds otherwise, another model does not."""

CODE = "examples"
ANSWERS = "answers"


def answers_file(package: Package) -> Path:
    """Return where the stored answers of a package lie."""
    return beside.file(package, ANSWERS)


def record(package: Package) -> Path:
    """Store what a package answers to the examples of its algorithm, and return the file."""
    return beside.write(package, ANSWERS, {"answers": answers(package)})


def answers(package: Package) -> list[dict[str, Any]]:
    """Return what a package answers to the examples of its algorithm.

    Raises
    ------
    ml.package.BrokenPackage
        When it may answer no study, or is not what its manifest says.
    """
    examples = registry.door(package.algorithm, "examples")
    with TemporaryDirectory() as folder:
        outcomes = [
            runner.run(package.algorithm, source, version=package.version, explain=False)
            for source in examples.sources(package, Path(folder))
        ]
    return [
        {
            "status": str(outcome.status),
            "problems": sorted(problem.code for problem in outcome.problems),
            "result": {key: (outcome.result or {}).get(key) for key in examples.COMPARED},
        }
        for outcome in outcomes
    ]


def try_out(package: Package) -> Criterion:
    """Run the examples and hold the answers against the stored ones, as a criterion of the gate."""
    stored = _stored(package)
    if stored is None:
        return Criterion(
            CODE,
            False,
            Text(
                "There are no stored answers of this package to run it against. Record them where it was "
                f"made: python -m ml answers {package.algorithm} {package.version}",
                "Il n’y a pas de réponses enregistrées de ce paquet à lui comparer. Enregistrez-les là où il "
                f"a été fait\u00a0: python -m ml answers {package.algorithm} {package.version}",
            ),
        )
    try:
        found = json.loads(json.dumps(answers(package)))
    except packages.BrokenPackage:
        raise
    except Exception as error:
        # Whatever a candidate stops on is its own defect, found before a patient is in front of it.
        log.warning("candidate stopped on its examples", exc_info=error)
        kind = type(error).__name__
        return Criterion(
            CODE,
            False,
            Text(
                f"It stops on its own stored examples ({kind}).",
                f"Elle s’arrête sur ses propres exemples enregistrés ({kind}).",
            ),
        )
    alike = sum(_alike(one, other) for one, other in zip(stored, found, strict=False))
    met = len(stored) == len(found) == alike
    return Criterion(
        CODE,
        met,
        Text(
            f"Run again, it answers {alike} of its {len(stored)} stored examples as it did when it was made.",
            f"Relancée, elle répond comme à sa création pour {alike} de ses {len(stored)} exemples "
            "enregistrés.",
        ),
        alike,
        len(stored),
    )


def judge(
    candidate: Package, serving: Package, bars: Mapping[str, Any], shadow: ShadowFigures | None = None
) -> Verdict:
    """Run a candidate and hold it against the bars; parameters as for :func:`ml.promotion.judge`."""
    run = (try_out(candidate), operating_points.criterion(candidate, serving)) if candidate.serves else ()
    return promotion.judge(candidate, serving, bars, shadow, run=run)


def _stored(package: Package) -> list[dict[str, Any]] | None:
    written = beside.read(package, ANSWERS)
    return None if written is None else written["answers"]


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return isclose(one, other, abs_tol=TOLERANCE, rel_tol=0)
    return one == other

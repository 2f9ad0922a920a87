"""What ``python -m ml baseline | drift | monitoring-errors`` do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from ml import package as packages
from ml import registry
from ml.monitoring import baselines, making, simulating
from ml.monitoring.assembling import Group, Outcomes, assemble, samples, stored
from ml.monitoring.making import NotHonest
from ml.training.data import DataMissing
from ml.training.evaluation import wilson
from ml.training.tabular import BadTable

ASSESSMENTS = 5
WRONG = (DataMissing, NotHonest, baselines.NoBaseline, BadTable, FileNotFoundError)


def baseline(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Write the baseline of a package and say where, of what and of how many."""
    package = packages.load(chosen.algorithm, chosen.version)
    content = making.content(package, chosen.data)
    written = baselines.write(package, content, chosen.out or baselines.ROOT)
    yield {
        "algorithm": package.algorithm,
        "version": package.version,
        "file": str(written),
        "n": content["n"],
        "data": content["data"],
        "inputs": sorted(content["inputs"]),
        "outputs": sorted(content["outputs"]),
    }


def drift(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Hold a table of a reference task against the baseline of its package: a line a field, then the rest."""
    package = packages.load(chosen.algorithm, chosen.version)
    rows, scores = making.answered(package, chosen.rows)
    things = registry.door(chosen.algorithm, "summary").WATCHED
    window = Group(
        n=len(rows),
        inputs=samples(things, rows, output=False),
        outputs=samples(things, rows, output=True),
        scores=scores,
        version=package.version,
        sha256=package.sha256,
    )
    found = assemble(things, stored(baselines.read(package)), window, Outcomes())
    for field in found["fields"]:
        yield {key: field[key] for key in ("name", "n", "psi_excess", "statistic", "p_adjusted", "level")}
    yield {"n": found["n"], "reference_n": found["reference_n"], "performance": found["performance"]}


def errors(chosen: argparse.Namespace) -> Iterator[Mapping[str, Any]]:
    """Simulate windows without and with drift and count alarms, each share with its Wilson interval."""
    tally = simulating.undrifted(chosen.streams, chosen.windows, seed=chosen.seed)
    for name in ("raised", "opened", "alarmed"):
        yield _share(f"undrifted_{name}", getattr(tally, name), tally.windows, "windows")
    for each, name in ((False, "reassessed_raised"), (True, "reassessed_raised_if_each_counted")):
        again = simulating.undrifted(
            max(1, chosen.drifting // 6), chosen.windows, seed=chosen.seed, assessments=ASSESSMENTS, each=each
        )
        yield _share(name, again.raised, again.windows, f"windows, {ASSESSMENTS} assessments each")
    for name in simulating.KNOWN:
        found = simulating.caught(name, chosen.drifting, seed=chosen.seed)
        yield _share(f"caught_{name}", found, chosen.drifting, "streams, by the second window of 100")


def _share(name: str, count: int, n: int, unit: str) -> dict[str, Any]:
    low, high = _bounds(wilson(count, n))
    return {"name": name, "count": count, "n": n, "unit": unit, "share": count / n, "low": low, "high": high}


def _bounds(found: Any) -> tuple[float, float]:
    return round(found.low, 4), round(found.high, 4)

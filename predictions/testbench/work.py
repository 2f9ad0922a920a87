"""What a worker does for the test bench: make the input, analyse it as it would a study, keep the answer."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml import invented, runner
from ml.contracts import Outcome, Refused, Status
from ml.invented import Invented
from ml.package import BrokenPackage
from predictions.jobs import Ending
from predictions.run import PACKAGE_BROKEN
from predictions.testbench.models import Answered, BenchRun
from predictions.testbench.services import FOLDER, clear, scratch

# Lists of the answer that the page draws; of everything else it shows single values.
DRAWN = ("stages",)


def do(run: BenchRun) -> Ending:
    """Make the input of a run, send it through the analysis, and return what to keep.

    Raises
    ------
    ml.contracts.Refused
        When no whole package serves. An input that the algorithm refuses is an answer.
    """
    clear(run.pk)
    begun = time.perf_counter()
    with _made(run) as made:
        making = 1000 * (time.perf_counter() - begun)
        try:
            outcome = runner.run(run.algorithm, made.source)
        except BrokenPackage as error:
            raise Refused(PACKAGE_BROKEN) from error
    values = _answer(outcome) | {
        "made": dict(made.made),
        "timings_ms": {"make": round(making, 2), **outcome.timings_ms},
    }
    return Ending(json.loads(json.dumps(values, allow_nan=False)))


@contextmanager
def _made(run: BenchRun) -> Iterator[Invented]:
    """Make the input; a file has no name any more while it is analysed, as that of a study has none."""
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{run.pk.hex}-", dir=scratch()) as folder:
        made = invented.make(run.algorithm, run.sample, Path(folder), run.seed)
        held = os.open(made.source.path, os.O_RDONLY | os.O_CLOEXEC) if made.source.path else None
    try:
        if held is not None:
            made = replace(made, source=replace(made.source, path=Path(f"/proc/self/fd/{held}")))
        yield made
    finally:
        if held is not None:
            os.close(held)


def _answer(outcome: Outcome) -> dict[str, Any]:
    explanation = outcome.explanation
    return {
        "answered": Answered.OK if outcome.status is Status.OK else Answered.REFUSED,
        "problems": [problem.as_json() for problem in outcome.problems],
        "answer": _shown(outcome.result or {}),
        "report": outcome.report.as_json() if outcome.report else {},
        "explanation": explanation.sentence.as_json() if explanation else {},
        "package_version": outcome.version,
        "package_sha256": outcome.sha256,
    }


def _shown(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in result.items()
        if name in DRAWN or isinstance(value, bool | int | float | str)
    }

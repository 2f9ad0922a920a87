"""What is measured and how: CPU seconds, medians, peak memory of a process of its own. Standard library only.

CPU time and not the clock, because other programs share the machine; ratios of two sides of one run and not
milliseconds, because machines differ.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEBIBYTE_KIB = 1024
CHILD_SECONDS = 900
# One thread each, so that CPU seconds of libraries with and without thread pools can be compared.
THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "MNE_LOGGING_LEVEL": "ERROR",
    "LOG_LEVEL": "ERROR",
}
FOREIGN = ("DATABASE_URL", "REDIS_URL", "VIGIE_ENV", "PYTHONDONTWRITEBYTECODE")

Samples = Mapping[str, list[float]]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure of one side over one figure of another.

    Parameters
    ----------
    over, under
        ``"<side>.<figure>"``.
    """

    title: str
    over: str
    under: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another environment: its Python, and what to do where it is missing."""

    python: Path
    advice: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """Two or more sides that do the same work.

    Parameters
    ----------
    sides
        Name → module with ``measure(folder, repeats) -> Samples``, run in a process of its own.
    prepare
        Module with ``prepare(folder)``, run once before the sides; empty when there is nothing to prepare.
    elsewhere
        Side → the Python of another environment that it runs in, and how to make that environment. A side
        whose Python is not there is left out.
    """

    name: str
    title: str
    sides: Mapping[str, str]
    ratios: tuple[Ratio, ...]
    prepare: str = ""
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)

    def left_out(self) -> dict[str, str]:
        """Return the sides that cannot be measured here, each with how to change that."""
        return {side: other.advice for side, other in self.elsewhere.items() if not other.python.is_file()}


class SideFailed(RuntimeError):
    """A side could not be measured; carries the last line of what it said."""


def cpu_ms(work: Callable[[], Any], repeats: int) -> list[float]:
    """Return the CPU milliseconds of each of ``repeats`` calls of ``work``."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - start))
    return spent


def memory_mib(field: str = "VmHWM") -> float:
    """Return the peak (``VmHWM``) or present (``VmRSS``) resident memory of this process in MiB."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    line = next(line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) / MEBIBYTE_KIB


def run(measurement: Measurement, folder: Path, *, repeats: int, rounds: int) -> dict[str, Any]:
    """Measure all sides in turn, ``rounds`` times, so that a busy minute of the machine hits each of them.

    Returns
    -------
    dict
        ``figures``: side → figure → median, quartiles and number of samples; ``ratios``: of the medians,
        of sides that could be measured.

    Raises
    ------
    SideFailed
        When a side ends with an error.
    """
    if measurement.prepare:
        child(measurement.prepare, folder, repeats=0)
    missing = measurement.left_out()
    sides = {side: module for side, module in measurement.sides.items() if side not in missing}
    pooled: dict[str, dict[str, list[float]]] = {side: {} for side in sides}
    for _ in range(rounds):
        for side, module in sides.items():
            other = measurement.elsewhere.get(side)
            python = str(other.python) if other else sys.executable
            for figure, samples in child(module, folder, repeats=repeats, python=python).items():
                pooled[side].setdefault(figure, []).extend(samples)
    figures = {
        side: {figure: summary(samples) for figure, samples in found.items()}
        for side, found in pooled.items()
    }
    return {
        "title": measurement.title,
        "figures": figures,
        "ratios": {
            ratio.title: _ratio(ratio, figures)
            for ratio in measurement.ratios
            if not missing.keys() & {term.split(".")[0] for term in (ratio.over, ratio.under)}
        },
    }


def summary(samples: list[float]) -> dict[str, float]:
    """Return median, quartiles and number of samples."""
    low, middle, high = statistics.quantiles(samples, n=4) if len(samples) > 1 else samples * 3
    return {"median": middle, "quartiles": [low, high], "n": len(samples)}


def _ratio(ratio: Ratio, figures: Mapping[str, Any]) -> float:
    over, under = (
        figures[side][figure]["median"] for side, figure in (r.split(".") for r in (ratio.over, ratio.under))
    )
    return over / under


def child(module: str, folder: Path, *, repeats: int, python: str = sys.executable) -> Samples:
    """Run a module's ``prepare`` (without repeats) or ``measure`` in a fresh process."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment |= dict.fromkeys(THREADS, "1") | QUIET
    environment |= {"VIGIE_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "clinic.settings"}
    command = (python, "-m", "bench.child", module, str(folder), str(repeats))
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=CHILD_SECONDS, check=False
    )
    if done.returncode:
        raise SideFailed(f"{module}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])

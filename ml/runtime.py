"""On what an analysis ran: the processor and every library whose arithmetic or decoding enters an answer.

Standard library only. Two runs of one package on one input give the same bytes when these agree.
"""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

LIBRARIES = (
    "numpy", "scipy", "onnxruntime", "pillow", "pydicom", "pylibjpeg", "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg", "pylibjpeg-rle", "pyjpegls",
)  # fmt: skip
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
CPU = Path("/proc/cpuinfo")


@cache
def described() -> dict[str, str]:
    """Return what this process computes on.

    Returns
    -------
    dict
        ``processor`` (its model and a digest of what it can do, which a virtual machine may hide parts of),
        ``architecture``, ``system`` (the C library), ``python``, ``threads`` of linear algebra, and the
        version of each of :data:`LIBRARIES`, empty for one that is not installed.
    """
    libc, version = platform.libc_ver()
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "system": f"{libc} {version}".strip(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "threads": _threads(),
        **{name: _version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    try:
        lines = CPU.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    facts: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        facts.setdefault(name.strip().lower(), value.strip())
    model = facts.get("model name") or facts.get("cpu part") or platform.processor()
    able = " ".join(sorted((facts.get("flags") or facts.get("features") or "").split()))
    return f"{model} ({hashlib.sha256(able.encode()).hexdigest()[:12]})"


def _threads() -> str:
    """Return how many threads share a matrix product: with another number sums come in another order."""
    named = next((os.environ[name] for name in THREADS if os.environ.get(name)), "")
    return named or str(len(os.sched_getaffinity(0)))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""

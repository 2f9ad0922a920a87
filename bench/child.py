"""One side of one measurement, alone in its process: ``python -m bench.child MODULE FOLDER REPEATS``."""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from pathlib import Path

from bench.measuring import memory_mib

# These import models, which are there only once Django is set up; the others must not even load it.
DJANGO = ("bench.audit.", "bench.database", "bench.web.ward", "bench.chest_xray.worker")


def main(module: str, folder: str, repeats: str) -> None:
    """Prepare when there is nothing to repeat, otherwise measure; print the samples as one JSON line."""
    if module.startswith(DJANGO):
        import_module("django").setup()
    side = import_module(module)
    started = time.process_time()
    if repeats == "0":
        side.prepare(Path(folder))
        samples = {}
    else:
        samples = side.measure(Path(folder), int(repeats))
        samples |= {"peak_mib": [memory_mib()], "start_cpu_ms": [1000 * started]}
    sys.stdout.write(f"\n{json.dumps(samples)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""``python -m bench [NAME...]``: measure, print a table, write JSON. Nothing here passes or fails."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.measuring import Measurement, SideFailed, run

NAMES = ("haemorrhage", "chest_xray", "sleep", "sleep_large", "web", "audit", "storage")
UNITS = {"cpu_ms": "ms CPU", "mib": "MiB", "per_cpu_s": "per CPU s"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for and return the exit status: 1 when a side could not be measured."""
    chosen = _parser().parse_args(arguments)
    report: dict[str, Any] = {"machine": _machine(), "measurements": {}}
    failed = False
    for name in chosen.names or NAMES:
        measurement: Measurement = import_module(f"bench.{name}").MEASUREMENT
        sys.stderr.write(f"measuring {name}: {', '.join(measurement.sides)} …\n")
        for side, advice in measurement.left_out().items():
            sys.stderr.write(f"  without {side}: {advice}\n")
        with tempfile.TemporaryDirectory(prefix=f"vigie-bench-{name}-") as folder:
            try:
                found = run(measurement, Path(folder), repeats=chosen.repeats, rounds=chosen.rounds)
            except SideFailed as error:
                sys.stderr.write(f"  not measured: {error}\n")
                failed = True
                continue
        report["measurements"][name] = found
        sys.stdout.write("\n".join(_table(found)) + "\n\n")
        sys.stdout.flush()
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    sys.stderr.write(f"written: {chosen.out}\n")
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="What Vigie costs, as ratios.")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--repeats", type=int, default=5, help="per process (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="processes per side, in turn (default: 3)")
    parser.add_argument("--out", type=Path, default=Path("var/bench.json"), metavar="FILE")
    return parser


def _machine() -> dict[str, Any]:
    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    command = ("git", "rev-parse", "--short", "HEAD")
    commit = subprocess.run(command, capture_output=True, text=True, check=False)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text("utf-8").splitlines()


def _table(found: dict[str, Any]) -> Iterator[str]:
    yield found["title"]
    for side, figures in found["figures"].items():
        for figure, value in figures.items():
            unit = next((text for ending, text in UNITS.items() if figure.endswith(ending)), "")
            low, high = value["quartiles"]
            yield (
                f"  {side:<22} {figure:<22} {value['median']:>10.2f} {unit:<10} "
                f"[{low:.2f}, {high:.2f}] n={value['n']}"
            )
    for title, ratio in found["ratios"].items():
        yield f"  ratio {ratio:>8.3f}  {title}"


if __name__ == "__main__":
    sys.exit(main())

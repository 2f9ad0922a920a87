"""The commands of monitoring: ``baseline``, ``drift`` and ``monitoring-errors``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ml import registry
from ml.commands.answering import MONITORING, in_stack


def add_to(commands: Any) -> None:
    """Register the parsers of what watches a model in service."""
    baseline = commands.add_parser("baseline", help="write what data of a package look like, to monitor")
    baseline.add_argument("algorithm", choices=registry.names())
    baseline.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    baseline.add_argument("--out", type=Path, metavar="DIR", help="instead of the folder of the baselines")
    drift = commands.add_parser("drift", help="hold a table of a reference task against its baseline")
    drift.add_argument("algorithm", choices=("german_credit", "accident_severity"))
    drift.add_argument("--rows", type=Path, required=True, metavar="CSV", help="as the public table has them")
    for command in (baseline, drift):
        command.add_argument("--version", default="", help="package version (default: the champion)")
    errors = commands.add_parser("monitoring-errors", help="simulate false alarms and known drifts, seeded")
    errors.add_argument("--streams", type=int, default=100, help="undrifted streams (default: 100)")
    errors.add_argument("--windows", type=int, default=6, help="windows of each (default: 6)")
    errors.add_argument("--drifting", type=int, default=60, help="streams of each known drift (default: 60)")
    errors.add_argument("--seed", type=int, default=0)
    for command, name in ((baseline, "baseline"), (drift, "drift"), (errors, "errors")):
        command.set_defaults(run=_monitoring, command=name)


def _monitoring(chosen: argparse.Namespace) -> int:
    return in_stack(chosen, MONITORING)

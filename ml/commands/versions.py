"""The commands about packages on disk: ``algorithms``, ``answers`` and ``judge``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ml import package as packages
from ml import promotion, registry, smoke
from ml.commands.answering import write_line


def add_list_to(commands: Any) -> None:
    """Register the parser of ``algorithms``."""
    algorithms = commands.add_parser("algorithms", help="list the algorithms, one JSON line each")
    algorithms.set_defaults(run=_algorithms)


def add_to(commands: Any) -> None:
    """Register the parsers of ``answers`` and ``judge``."""
    answers = commands.add_parser("answers", help="store what a package answers to its examples")
    judge = commands.add_parser("judge", help="hold a version against the bars of promotion and what serves")
    for command in (answers, judge):
        command.add_argument("algorithm", choices=registry.names())
        command.add_argument("version", help="version of a package, as `algorithms` lists them")
    answers.set_defaults(run=_store_answers)
    judge.add_argument(
        "--params", type=Path, default=Path("params.yaml"), metavar="FILE",
        help="where the bars are written (default: %(default)s)",
    )  # fmt: skip
    judge.set_defaults(run=_judge)


def _algorithms(_: argparse.Namespace) -> int:
    """List those whose package is whole, and name every one that is not; 1 when there is such a one."""
    status = 0
    for contract in registry.contracts():
        try:
            package = packages.load(contract.name)
        except packages.BrokenPackage as error:
            print(f"python -m ml: {contract.name}: {error}", file=sys.stderr)
            status = 1
            continue
        write_line(
            {
                "name": contract.name,
                "version": package.version,
                "sha256": package.sha256,
                "input": str(contract.input_kind),
                "input_kinds": list(contract.suffixes) or [".json"],
                "clinical": contract.clinical,
                "versions": list(packages.versions(contract.name)),
            }
        )
    return status


def _store_answers(chosen: argparse.Namespace) -> int:
    write_line({"written": str(smoke.record(packages.load(chosen.algorithm, chosen.version)))})
    return 0


def _judge(chosen: argparse.Namespace) -> int:
    """Print each criterion; 1 when one is not met."""
    candidate = packages.load(chosen.algorithm, chosen.version)
    bars = promotion.read_bars(chosen.params, chosen.algorithm)
    verdict = smoke.judge(candidate, packages.load(chosen.algorithm), bars)
    for criterion in verdict.criteria:
        write_line(criterion.as_json())
    return int(not verdict.passed)

"""The commands that need the training stack, from ``train`` to MLflow's ``registry``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ml import package as packages
from ml import registry
from ml.commands.answering import WrongCall, in_stack


def add_to(commands: Any) -> None:
    """Register the parsers of what trains and scores."""
    for name, text in (
        ("train", "train a package and score it"),
        ("evaluate", "compute the figures of a package again, one JSON line each"),
        ("describe", "analyse a training data set"),
        ("compare", "score an algorithm's kinds of model on the same cases, one JSON line each"),
        ("subgroups", "score a package in parts of the patients, by age and sex, one JSON line each"),
        ("held-out", "score cases held out of a package's training, and derive its operating point anew"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("algorithm", choices=registry.names())
        command.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
        command.add_argument("--version", default="", help="package version")
        command.set_defaults(run=_training, command=name.replace("-", "_"))
        if name in ("compare", "subgroups", "held-out"):
            command.add_argument("--publish", action="store_true", help="show the tables on the model page")
        if name == "train":
            command.add_argument("--out", type=Path, default=packages.SITE, metavar="DIR")
            command.add_argument(
                "--mapping", type=Path, metavar="YAML", help="haemorrhage: a hospital's CSV as --data"
            )
            command.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
            command.add_argument("--param", action="append", default=[], metavar="KEY=VALUE")
            command.add_argument(
                "--with", dest="site", type=Path, metavar="SET",
                help="chest_xray, sleep: learn from an unpacked training set of this hospital too",
            )  # fmt: skip
            command.add_argument(
                "--without", action="append", default=[], metavar="NAME",
                help="with --with: leave this patient of the set out, who no longer agrees",
            )  # fmt: skip
            command.add_argument(
                "--blind-only", action="store_true",
                help="with --with: learn only from what was said before the answer was shown",
            )  # fmt: skip
            command.add_argument("--force", action="store_true", help="write over a package of this version")

    versions = commands.add_parser("registry", help="versions in MLflow's registry, one JSON line each")
    versions.add_argument("what", choices=("sync", "list"), help="sync: register every package on disk")
    versions.set_defaults(run=in_stack, command="versions")


def _training(chosen: argparse.Namespace) -> int:
    if getattr(chosen, "mapping", None) is not None:
        if missing := [str(path) for path in (chosen.data, chosen.mapping) if not path.is_file()]:
            raise WrongCall(f"no such file: {', '.join(missing)}")
    elif not chosen.data.is_dir():
        raise WrongCall(_no_folder(chosen))
    return in_stack(chosen)


def _no_folder(chosen: argparse.Namespace) -> str:
    if chosen.command == "train" and chosen.data.is_file() and registry.learns_from_tables(chosen.algorithm):
        return (
            f"--data {chosen.data} is a file: a hospital's own births need --mapping mapping.yaml too, which "
            "says what their columns are (docs/hospital-data.md)"
        )
    return f"--data {chosen.data} is not a folder; give the folder that holds the training data"

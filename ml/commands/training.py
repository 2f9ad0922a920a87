"""The commands that need the training stack, from ``train`` to MLflow's ``registry``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ml import package as packages
from ml import registry
from ml.commands.answering import WrongCall, in_stack

VERSION_READ = "package version (default: the champion)"
VERSION_HELP = {
    "train": "version to write (default: the one in --params; with --mapping the next one of today)",
    "describe": "of no effect: what is analysed is the data alone",
}
PUBLISH_HELP = {
    "compare": "show the tables on the model page",
    "subgroups": "show the tables on the model page",
    "held-out": "write the scores beside the package, VERSION.held_out.json, for the gate and the pages",
}


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
        command.add_argument("--version", default="", help=VERSION_HELP.get(name, VERSION_READ))
        command.set_defaults(run=_training, command=name.replace("-", "_"))
        if name in PUBLISH_HELP:
            command.add_argument("--publish", action="store_true", help=PUBLISH_HELP[name])
        if name == "train":
            command.add_argument(
                "--out", type=Path, default=packages.SITE, metavar="DIR",
                help="folder of packages to write into (default: those of this site, %(default)s)",
            )  # fmt: skip
            command.add_argument(
                "--mapping", type=Path, metavar="YAML", help="haemorrhage: a hospital's CSV as --data"
            )
            command.add_argument(
                "--params", type=Path, default=Path("params.yaml"), metavar="FILE",
                help="parameters of every training, a section for each algorithm (default: %(default)s)",
            )  # fmt: skip
            command.add_argument(
                "--param", action="append", default=[], metavar="KEY=VALUE",
                help="another value for one of these parameters, such as recipe=cnn; repeatable",
            )  # fmt: skip
            command.add_argument(
                "--with", dest="site", type=Path, metavar="SET",
                help="chest_xray, sleep: learn from an unpacked training set of this hospital too",
            )  # fmt: skip
            command.add_argument(
                "--without", action="append", default=[], metavar="NAME",
                help="with --with: leave this patient of the set out, who no longer agrees; repeatable",
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
    if chosen.command == "train":
        _check_set(chosen)
    if getattr(chosen, "mapping", None) is not None:
        if missing := [str(path) for path in (chosen.data, chosen.mapping) if not path.is_file()]:
            raise WrongCall(f"no such file: {', '.join(missing)}")
    elif not chosen.data.is_dir():
        raise WrongCall(_no_folder(chosen))
    return in_stack(chosen)


def _check_set(chosen: argparse.Namespace) -> None:
    """Refuse what would be passed over in silence: whoever is named must not be learned from."""
    if chosen.site is not None:
        if chosen.mapping is not None:
            raise WrongCall("--with and --mapping do not go together: give one set, or one table")
        return
    options = {"--without": chosen.without, "--blind-only": chosen.blind_only}
    if given := [name for name, said in options.items() if said]:
        raise WrongCall(
            f"{' and '.join(given)}: only with --with SET, of which examples are left out then. Ask for a "
            "new set to leave somebody out of --data (docs/training-sets.md)"
        )


def _no_folder(chosen: argparse.Namespace) -> str:
    if chosen.command == "train" and chosen.data.is_file() and registry.learns_from_tables(chosen.algorithm):
        return (
            f"--data {chosen.data} is a file: a hospital's own births need --mapping mapping.yaml too, which "
            "says what their columns are (docs/hospital-data.md)"
        )
    return f"--data {chosen.data} is not a folder; give the folder that holds the training data"

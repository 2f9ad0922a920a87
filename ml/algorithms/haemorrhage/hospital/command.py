"""``python -m ml train haemorrhage --data births.csv --mapping mapping.yaml``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ml import package as packages
from ml import smoke
from ml.algorithms.haemorrhage.hospital.training import Outcome, run
from ml.algorithms.haemorrhage.mapping import Mapping as ColumnMapping
from ml.algorithms.haemorrhage.mapping import WrongMapping
from ml.contracts import Problem, Refused, Text
from ml.package import Metric, file_sha256
from ml.training import tracking

COMMAND = "python -m ml train haemorrhage --data births.csv --mapping mapping.yaml"
HELD_OUT = "the hospital's later births, held out"


def train(chosen: argparse.Namespace, params: Mapping[str, Any]) -> dict[str, Any]:
    """Train from a hospital's table and return the line to print.

    Returns
    -------
    dict
        ``status``: ``accepted``, ``rejected`` (the reasons in ``outcome``), or ``refused`` (every problem of
        the table in ``problems``), or ``wrong_mapping`` (those of the mapping); ``serving`` the version in
        service, which no training changes.
    """
    try:
        outcome = _trained(chosen, params)
    except (Refused, WrongMapping) as refusal:
        problems = [problem.as_json() for problem in refusal.problems]
        return {
            "status": "refused" if isinstance(refusal, Refused) else "wrong_mapping",
            "problems": problems,
            "serving": packages.champion_version("haemorrhage"),
        }
    if outcome.package and chosen.out == packages.SITE:
        smoke.record(packages.load("haemorrhage", outcome.package))
    return {
        "status": "accepted" if outcome.accepted else "rejected",
        "outcome": outcome.as_json(),
        "serving": packages.champion_version("haemorrhage"),
    }


def read_mapping(path: Path) -> ColumnMapping:
    """Read ``mapping.yaml``.

    Raises
    ------
    WrongMapping
        With every reason.
    """
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise WrongMapping(_not_text(path.name)) from error
    if any(ord(letter) < 32 and letter not in "\t\n\r" for letter in text):
        raise WrongMapping(_not_text(path.name))
    try:
        value = yaml.safe_load(text)
    # A date that cannot be is a ValueError, and brackets without end exhaust the reader.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WrongMapping(_not_yaml(path.name, getattr(error, "problem_mark", None))) from error
    return ColumnMapping.from_mapping(value)


def _not_text(name: str) -> Problem:
    return Problem(
        "not_yaml",
        Text(
            f"{name} is no text in UTF-8. --mapping takes the YAML file that says what the columns of --data "
            "are.",
            f"{name} n’est pas du texte en UTF-8. --mapping attend le fichier YAML qui dit ce que sont les "
            "colonnes de --data.",
        ),
    )


def _not_yaml(name: str, mark: yaml.Mark | None) -> Problem:
    line = mark.line + 1 if mark else None
    return Problem(
        "not_yaml",
        Text(
            f"{name} is not YAML" + (f": line {line} cannot be read." if line else "."),
            f"{name} n’est pas du YAML" + (f" : la ligne {line} est illisible." if line else "."),
        ),
    )


def _trained(chosen: argparse.Namespace, params: Mapping[str, Any]) -> Outcome:
    mapping = read_mapping(chosen.mapping)
    current = packages.load("haemorrhage")
    outcome = run(
        chosen.data,
        mapping,
        out=chosen.out,
        version=chosen.version,
        current=current,
        params=params,
        progress=_tell,
    )
    with tracking.run("haemorrhage", "train from a hospital's table", params=params) as log:
        log.data(file_sha256(chosen.data), "a hospital's births")
        log.tag("tier", outcome.tier)
        log.tag("accepted", str(outcome.accepted))
        if outcome.package:
            log.package(packages.read(chosen.out / "haemorrhage" / outcome.package))
        else:
            log.metrics(_of_the_rejected(outcome))
    return outcome


def _of_the_rejected(outcome: Outcome) -> list[Metric]:
    """Return the figures of a candidate of which there is no package."""
    on_births = partial(Metric, data=HELD_OUT, n=outcome.holdout["births"], command=COMMAND, unit="births")
    return [
        on_births(f"holdout_{name}", figure["value"], low=figure["low"], high=figure["high"])
        for name, figure in outcome.figures["candidate"].items()
    ]


def _tell(share: float, what: Text) -> None:
    sys.stderr.write(f"{share:4.0%} {what.en}\n")

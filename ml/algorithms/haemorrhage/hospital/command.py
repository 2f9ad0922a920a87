"""``python -m ml train haemorrhage --data births.csv --mapping mapping.yaml``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ml import package as packages
from ml.algorithms.haemorrhage.hospital.training import Outcome, run
from ml.algorithms.haemorrhage.mapping import Mapping as ColumnMapping
from ml.algorithms.haemorrhage.mapping import WrongMapping
from ml.contracts import Problem, Refused, Text
from ml.package import file_sha256
from ml.training import tracking


def train(chosen: argparse.Namespace, params: Mapping[str, Any]) -> dict[str, Any]:
    """Train from a hospital's table and return the line to print.

    Returns
    -------
    dict
        ``status``: ``accepted``, ``rejected`` (the reasons in ``outcome``), or ``refused`` (every problem of
        the table or the mapping in ``problems``); ``serving`` the version in service afterwards.
    """
    try:
        outcome = _trained(chosen, params)
    except (Refused, WrongMapping) as refusal:
        problems = [problem.as_json() for problem in refusal.problems]
        return {
            "status": "refused",
            "problems": problems,
            "serving": packages.champion_version("haemorrhage"),
        }
    if outcome.package and chosen.serve:
        packages.name_champion("haemorrhage", outcome.package)
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
        return ColumnMapping.from_mapping(yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WrongMapping(
            Problem(
                "not_yaml",
                Text(
                    f"{path.name} is not YAML in UTF-8: {error}",
                    f"{path.name} n’est pas du YAML en UTF-8 : {error}",
                ),
            )
        ) from error


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
        log.data(file_sha256(chosen.data))
        log.tag("tier", outcome.tier)
        log.tag("accepted", str(outcome.accepted))
        for name, figure in outcome.figures["candidate"].items():
            log.metric(f"holdout_{name}", figure["value"])
        if outcome.package:
            log.package(packages.read(chosen.out / "haemorrhage" / outcome.package))
    return outcome


def _tell(share: float, what: Text) -> None:
    sys.stderr.write(f"{share:4.0%} {what.en}\n")

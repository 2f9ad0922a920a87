"""``python -m ml predict``: what may be asked of it together, and the lines it answers with."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ml import batch, registry, runner
from ml import package as packages
from ml.algorithms.sleep.mapping import OPTIONS as CHANNELS
from ml.commands.answering import WrongCall, write_line
from ml.contracts import LANGUAGES, Contract, Finding, InputKind, Outcome, Problem, Source, Status, Text

INTERNAL = Problem(
    code="internal",
    message=Text(
        "The analyser stopped on this input; this is a defect of the software.",
        "L’analyse s’est arrêtée sur cette entrée ; c’est un défaut du logiciel.",
    ),
)
NOT_JSON = Problem(
    code="not_json",
    message=Text(
        'The input is not a JSON object of form fields; give one such as {"age": 31}.',
        'L’entrée n’est pas un objet JSON de champs du formulaire ; donnez par exemple {"age": 31}.',
    ),
)


# Options of `predict` that only one algorithm takes.
ONLY_FOR = {
    "incidence": "haemorrhage",
    "no_gate": "chest_xray",
    "prevalence": "chest_xray",
    **dict.fromkeys((*CHANNELS, "opinion"), "sleep"),
}
SHARES = ("incidence", "prevalence")
STDIN = Path("-")


def add_to(commands: Any) -> None:
    """Register the parser of ``predict``."""
    predict = commands.add_parser("predict", help="analyse inputs, one JSON line each, in order")
    predict.add_argument("algorithm", choices=registry.names())
    predict.add_argument(
        "inputs", nargs="*", type=Path, metavar="INPUT", help="- is the standard input, for a form"
    )
    predict.add_argument(
        "--study", action="store_true", help="chest_xray: the files are the images of one study, one line"
    )
    predict.add_argument("--values", metavar="JSON", help="the fields of a form, instead of a file of them")
    predict.add_argument("--batch", type=Path, metavar="CSV", help="a table of forms, one a row; needs --out")
    predict.add_argument("--out", type=Path, metavar="CSV", help="where the rows go with their answers")
    predict.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="COLUMN=FIELD",
        help="with --batch: a column that is not called as its field; COLUMN= leaves it aside; repeatable",
    )
    predict.add_argument("--version", default="", help="package version (default: the champion)")
    predict.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the messages")
    predict.add_argument("--explain", action="store_true", help="add the explanation to each line")
    predict.add_argument("--incidence", type=float, help="haemorrhage: the ward's own incidence, 0 to 1")
    predict.add_argument("--no-gate", action="store_true", help="chest_xray: score whatever the gate says")
    predict.add_argument("--prevalence", type=float, help="chest_xray: the share of pneumonia at the site")
    for channel in CHANNELS:
        predict.add_argument(f"--{channel}", metavar="NAME", help=f"sleep: the {channel.upper()} channel")
    predict.add_argument(
        "--opinion", choices=("yasa", "none"), help="sleep: YASA's stages beside ours, where it is installed"
    )
    predict.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    contract = registry.contract(chosen.algorithm)
    _check_predict(chosen, contract)
    packages.serving(chosen.algorithm, chosen.version)
    if chosen.batch:
        return _predict_batch(chosen)
    failed = False
    for given in _inputs(chosen):
        line = _answer(contract, given, chosen)
        failed = failed or line["status"] == Status.FAILED
        write_line(line)
    return int(failed)


def _inputs(chosen: argparse.Namespace) -> list[Sequence[Path] | str]:
    """Return what is answered with one line each: files, the files of a study, or a form's values."""
    if not chosen.inputs:
        return [chosen.values]
    return [chosen.inputs] if chosen.study else [[path] for path in chosen.inputs]


def _check_predict(chosen: argparse.Namespace, contract: Contract) -> None:
    if sum((bool(chosen.inputs), chosen.values is not None, chosen.batch is not None)) != 1:
        raise WrongCall(
            "give files to analyse, or --values with the fields of a form, or --batch with a table"
        )
    if (chosen.batch is None) != (chosen.out is None):
        raise WrongCall("--batch and --out belong together: the table to read and the table to write")
    if not chosen.inputs and contract.input_kind is not InputKind.FORM:
        raise WrongCall(f"{contract.name} reads files; --values and --batch are for forms")
    if chosen.column and not chosen.batch:
        raise WrongCall("--column goes with --batch")
    if chosen.batch and chosen.explain:
        raise WrongCall("--explain goes with single inputs, not with --batch")
    named = [chosen.batch] if chosen.batch else chosen.inputs
    form = contract.input_kind is InputKind.FORM and not chosen.batch
    if missing := [str(path) for path in named if not _is_there(path, form=form)]:
        raise WrongCall(f"no such file: {', '.join(missing)}")
    if chosen.out and not chosen.out.absolute().parent.is_dir():
        raise WrongCall(f"--out {chosen.out}: there is no such folder")
    if chosen.study:
        _check_study(chosen.inputs, contract)
    _check_options(chosen)


def _is_there(path: Path, *, form: bool) -> bool:
    """Whether an input can be read; a form, which is read once, may also come through a pipe or as ``-``."""
    return path.is_file() or (form and (path == STDIN or (path.exists() and not path.is_dir())))


def _check_study(files: Sequence[Path], contract: Contract) -> None:
    if contract.max_files == 1:
        raise WrongCall(f"--study: {contract.name} answers each file on its own; leave the option out")
    if len(files) > contract.max_files:
        most = contract.max_files
        raise WrongCall(f"--study: {contract.name} takes {most} files in one study, not {len(files)}")
    first: dict[str, Path] = {}
    for path in files:
        with path.open("rb") as stream:
            earlier = first.setdefault(hashlib.file_digest(stream, "sha256").hexdigest(), path)
        if earlier is not path:
            raise WrongCall(f"--study: {path} is the same file as {earlier}; leave one of the two out")


def _check_options(chosen: argparse.Namespace) -> None:
    for name, algorithm in ONLY_FOR.items():
        if getattr(chosen, name) not in (None, False) and chosen.algorithm != algorithm:
            option = name.replace("_", "-")
            raise WrongCall(
                f"--{option} is an option of {algorithm}, not of {chosen.algorithm}; leave it out"
            )
    if chosen.opinion == "yasa" and not import_module("ml.algorithms.sleep.opinion").installed():
        raise WrongCall("--opinion yasa: YASA is not here; `make yasa` installs it, or VIGIE_YASA names it")
    for name in SHARES:
        share = getattr(chosen, name)
        if share is not None and not 0 < share < 1:
            raise WrongCall(f"--{name} is {share}; it must lie between 0 and 1")


def _options(chosen: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(chosen, name) for name in (*CHANNELS, "opinion", "incidence", "prevalence")}
    options = {name: value for name, value in given.items() if value is not None}
    return options | {"no_gate": True} if chosen.no_gate else options


def _predict_batch(chosen: argparse.Namespace) -> int:
    try:
        summary = batch.score_file(
            chosen.algorithm,
            chosen.batch,
            chosen.out,
            version=chosen.version,
            options=_options(chosen),
            language=chosen.lang,
            columns=dict(_column(given) for given in chosen.column),
        )
    except OSError as error:
        raise WrongCall(f"{error.filename}: {error.strerror}") from error
    except batch.WrongTable as error:
        sentences = (problem.message.to(chosen.lang) for problem in error.problems)
        raise WrongCall(f"{chosen.batch}: {' '.join(sentences)}") from error
    package = packages.load(chosen.algorithm, chosen.version)
    about = {"input": str(chosen.batch), "written": str(chosen.out), "algorithm": chosen.algorithm}
    write_line(about | {"version": package.version, "sha256": package.sha256} | summary.as_json())
    return int(summary.rows[str(Status.FAILED)] > 0)


def _column(given: str) -> tuple[str, str]:
    column, separator, field = given.rpartition("=")
    if not separator:
        raise WrongCall(f"--column {given}: write COLUMN=FIELD")
    return column, field


def _answer(contract: Contract, given: Sequence[Path] | str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Answer a study of one file or more, or the text of a form's fields."""
    names = ["--values"] if isinstance(given, str) else [str(path) for path in given]
    name = ", ".join(names)
    about = {"input": names if chosen.study else name, "algorithm": contract.name}
    try:
        source = _source(contract, given, _options(chosen))
        outcome = (
            runner.run(contract.name, source, version=chosen.version, explain=chosen.explain)
            if source
            else _refused(contract, chosen.version)
        )
    # One broken input must not cost the answers to the others; the line says that it failed.
    except Exception as error:  # noqa: BLE001
        print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
        package = packages.load(contract.name, chosen.version)
        outcome = Outcome(contract.name, package.version, package.sha256, Status.FAILED, problems=(INTERNAL,))
    line = about | {
        "version": outcome.version,
        "status": str(outcome.status),
        "result": outcome.result,
        "problems": [{"code": p.code, "message": p.message.to(chosen.lang)} for p in outcome.problems],
        "quality": [_finding(found, chosen.lang) for found in outcome.quality],
        "timings_ms": dict(outcome.timings_ms),
    }
    if chosen.explain and outcome.explanation:
        line["explanation"] = {
            "method": outcome.explanation.method,
            "sentence": outcome.explanation.sentence.to(chosen.lang),
            "data": outcome.explanation.data,
        }
    return line


def _finding(found: Finding, language: str) -> dict[str, Any]:
    return {
        "code": found.code,
        "label": found.label.to(language),
        "value": found.value,
        "unit": found.unit,
        "attention": found.attention,
    }


def _refused(contract: Contract, version: str) -> Outcome:
    package = packages.load(contract.name, version)
    return Outcome(contract.name, package.version, package.sha256, Status.REFUSED, problems=(NOT_JSON,))


def _source(contract: Contract, given: Sequence[Path] | str, options: Mapping[str, Any]) -> Source | None:
    """Return the source of an input, or ``None`` when a form's fields are not a JSON object."""
    if contract.input_kind is InputKind.FILE and not isinstance(given, str):
        return Source(path=given[0], further=tuple(given[1:]), options=options)
    try:
        values = json.loads(given if isinstance(given, str) else _written(given[0]))
    except (ValueError, RecursionError):
        return None
    return Source(values=values, options=options) if isinstance(values, dict) else None


def _written(path: Path) -> bytes:
    return sys.stdin.buffer.read() if path == STDIN else path.read_bytes()

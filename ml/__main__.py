"""The command line that scripts rely on: ``python -m ml COMMAND ...``.

Standard output carries JSON lines only; everything meant for people goes to standard error.
Exit status: 0 when every input was answered (a refusal is an answer), 1 when one could not be
analysed through a defect of ours, 2 when the call itself is wrong. `algorithms`: 1 when a package is
damaged, which standard error names. `train` with `--mapping`: 0 when the candidate was accepted, 1 when
it was rejected or its table refused, 2 when the mapping cannot be read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ml import batch, promotion, registry, runner, smoke
from ml import package as packages
from ml.algorithms.haemorrhage.examples import ADMISSIONS
from ml.algorithms.sleep.mapping import OPTIONS as CHANNELS
from ml.contracts import LANGUAGES, Contract, Finding, InputKind, Outcome, Problem, Source, Status, Text

# Training needs TensorFlow, scikit-learn and MLflow; they are imported only by these commands.
TRAINING = "ml.training.commands"
MONITORING = "ml.monitoring.commands"

INTERNAL = Problem(
    code="internal",
    message=Text(
        "The analyser stopped on this input; this is a defect of the software.",
        "L’analyse s’est arrêtée sur cette entrée ; c’est un défaut du logiciel.",
    ),
)
# How a training from a hospital's own table ended; other lines have no such status.
EXITS = {"rejected": 1, "refused": 1, "wrong_mapping": 2}
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


class WrongCall(Exception):
    """The call itself is wrong: exit 2 with this sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    chosen = _chosen(sys.argv[1:] if arguments is None else arguments)
    try:
        return chosen.run(chosen)
    except (WrongCall, registry.UnknownAlgorithm, packages.BrokenPackage) as error:
        print(f"python -m ml: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _chosen(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; those of one command may mix options and files in any order."""
    parser, commands = _parser()
    if arguments and arguments[0] in commands.choices:
        return commands.choices[arguments[0]].parse_intermixed_args(arguments[1:])
    return parser.parse_args(arguments)


def _parser() -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser and, for argparse mixes only within one parser, the holder of the commands'."""
    parser = argparse.ArgumentParser(prog="python -m ml", description="Vigie's algorithms, without the web.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    algorithms = commands.add_parser("algorithms", help="list the algorithms, one JSON line each")
    algorithms.set_defaults(run=_algorithms)

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
    predict.set_defaults(run=_predict)

    example = commands.add_parser("example", help="print an invented admission form, to be predicted")
    example.add_argument("algorithm", choices=("haemorrhage",))
    example.add_argument("which", nargs="?", choices=tuple(ADMISSIONS), default="typical")
    example.set_defaults(run=_example)

    for name, text in (
        ("train", "train a package and score it"),
        ("evaluate", "compute the figures of a package again, one JSON line each"),
        ("describe", "analyse a training data set"),
        ("compare", "score an algorithm's kinds of model on the same cases, one JSON line each"),
        ("subgroups", "score a package in parts of the patients, by age and sex, one JSON line each"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("algorithm", choices=registry.names())
        command.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
        command.add_argument("--version", default="", help="package version")
        command.set_defaults(run=_training, command=name)
        if name in ("compare", "subgroups"):
            command.add_argument("--publish", action="store_true", help="show the tables on the model page")
        if name == "train":
            command.add_argument("--out", type=Path, default=packages.SITE, metavar="DIR")
            command.add_argument(
                "--mapping", type=Path, metavar="YAML", help="haemorrhage: a hospital's CSV as --data"
            )
            command.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
            command.add_argument("--param", action="append", default=[], metavar="KEY=VALUE")
            command.add_argument("--force", action="store_true", help="write over a package of this version")

    versions = commands.add_parser("registry", help="versions in MLflow's registry, one JSON line each")
    versions.add_argument("what", choices=("sync", "list"), help="sync: register every package on disk")
    versions.set_defaults(run=_in_training_stack, command="versions")

    answers = commands.add_parser("answers", help="store what a package answers to its examples")
    judge = commands.add_parser("judge", help="hold a version against the bars of promotion and what serves")
    for command in (answers, judge):
        command.add_argument("algorithm", choices=registry.names())
        command.add_argument("version")
    answers.set_defaults(run=_store_answers)
    judge.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    judge.set_defaults(run=_judge)

    _monitoring_parsers(commands)

    simulate = commands.add_parser("simulate-night", help="write a simulated night as EDF+")
    simulate.add_argument("out", type=Path, metavar="OUT.edf")
    simulate.add_argument("--hours", type=float, default=7.5)
    simulate.add_argument("--seed", type=int, default=0)
    simulate.set_defaults(run=_simulate_night)

    births = commands.add_parser("simulate-births", help="write synthetic births as a hospital's CSV file")
    births.add_argument("--out", type=Path, required=True, metavar="OUT.csv")
    births.add_argument("--n", type=int, default=10_000, help="births (default: 10000)")
    births.add_argument("--events", type=int, help="exactly so many with 1000 mL or more")
    births.add_argument("--incidence", type=float, default=0.022, help="expected share, without --events")
    births.add_argument("--missing", type=float, default=0.03, help="share of answers nobody wrote down")
    births.add_argument("--seed", type=int, default=0)
    births.add_argument("--language", choices=LANGUAGES, default="en", help="headings, dates and numbers")
    births.add_argument("--force", action="store_true", help="write over another mapping.yaml beside it")
    births.set_defaults(run=_simulate_births)
    return parser, commands


def _monitoring_parsers(commands: Any) -> None:
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
        _line(
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


def _predict(chosen: argparse.Namespace) -> int:
    contract = registry.contract(chosen.algorithm)
    _check_predict(chosen, contract)
    packages.serving(chosen.algorithm, chosen.version)
    if chosen.batch:
        return _predict_batch(chosen)
    failed = False
    for given in _inputs(chosen):
        line = _answer(contract, given, chosen)
        failed = failed or line["status"] == Status.FAILED
        _line(line)
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
    _line(about | {"version": package.version, "sha256": package.sha256} | summary.as_json())
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


def _options(chosen: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(chosen, name) for name in (*CHANNELS, "opinion", "incidence", "prevalence")}
    options = {name: value for name, value in given.items() if value is not None}
    return options | {"no_gate": True} if chosen.no_gate else options


def _training(chosen: argparse.Namespace) -> int:
    if getattr(chosen, "mapping", None) is not None:
        if missing := [str(path) for path in (chosen.data, chosen.mapping) if not path.is_file()]:
            raise WrongCall(f"no such file: {', '.join(missing)}")
    elif not chosen.data.is_dir():
        raise WrongCall(_no_folder(chosen))
    return _in_training_stack(chosen)


def _monitoring(chosen: argparse.Namespace) -> int:
    return _in_training_stack(chosen, MONITORING)


def _in_training_stack(chosen: argparse.Namespace, stack: str = TRAINING) -> int:
    commands = import_module(stack)
    status = 0
    try:
        for line in getattr(commands, chosen.command)(chosen):
            _line(line)
            status = max(status, EXITS.get(line.get("status", ""), 0))
    except commands.WRONG as error:
        raise WrongCall(str(error)) from error
    return status


def _example(chosen: argparse.Namespace) -> int:
    _line(ADMISSIONS[chosen.which][1])
    return 0


def _no_folder(chosen: argparse.Namespace) -> str:
    if chosen.command == "train" and chosen.data.is_file() and registry.learns_from_tables(chosen.algorithm):
        return (
            f"--data {chosen.data} is a file: a hospital's own births need --mapping mapping.yaml too, which "
            "says what their columns are (docs/hospital-data.md)"
        )
    return f"--data {chosen.data} is not a folder; give the folder that holds the training data"


def _store_answers(chosen: argparse.Namespace) -> int:
    _line({"written": str(smoke.record(packages.load(chosen.algorithm, chosen.version)))})
    return 0


def _judge(chosen: argparse.Namespace) -> int:
    """Print each criterion; 1 when one is not met."""
    candidate = packages.load(chosen.algorithm, chosen.version)
    bars = promotion.read_bars(chosen.params, chosen.algorithm)
    verdict = smoke.judge(candidate, packages.load(chosen.algorithm), bars)
    for criterion in verdict.criteria:
        _line(criterion.as_json())
    return int(not verdict.passed)


def _simulate_night(chosen: argparse.Namespace) -> int:
    if not 0.1 <= chosen.hours <= 24:
        raise WrongCall(f"--hours is {chosen.hours}; it must lie between 0.1 and 24")
    import_module("ml.algorithms.sleep.simulate").write_night(
        chosen.out, hours=chosen.hours, seed=chosen.seed
    )
    _line({"written": str(chosen.out), "simulated": True, "hours": chosen.hours, "seed": chosen.seed})
    return 0


def _simulate_births(chosen: argparse.Namespace) -> int:
    simulate = import_module("ml.algorithms.haemorrhage.simulate")
    try:
        births = simulate.births(
            chosen.n,
            seed=chosen.seed,
            incidence=chosen.incidence,
            events=chosen.events,
            missing=chosen.missing,
        )
        mapping = import_module("ml.algorithms.haemorrhage.simulated_csv").write(
            births, chosen.out, language=chosen.language, force=chosen.force
        )
    except (ValueError, OSError) as error:
        raise WrongCall(str(error)) from error
    _line(
        {
            "written": str(chosen.out),
            "mapping": str(mapping),
            "synthetic": True,
            "births": chosen.n,
            "events": int(births.cohort.outcome.sum()),
            "seed": chosen.seed,
        }
    )
    return 0


def _line(value: Mapping[str, Any]) -> None:
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())

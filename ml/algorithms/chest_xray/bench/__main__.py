"""``python -m ml.algorithms.chest_xray.bench``: candidates, challengers, finalists; a search when asked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ml.algorithms.chest_xray.bench import stages
from ml.algorithms.chest_xray.bench.comparison import as_json, tables
from ml.algorithms.chest_xray.bench.reasons import sentences
from ml.algorithms.chest_xray.bench.report import markdown
from ml.algorithms.chest_xray.bench.settings import WHERE, Bench, WrongSetting, bench
from ml.algorithms.chest_xray.bench.stages import Found
from ml.algorithms.chest_xray.bench.tuning import tune
from ml.training.commands import read_params
from ml.training.comparison import FILE
from ml.training.data import DataMissing
from ml.training.params import WrongParams

REPORT = "COMPARISON.md"
HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages asked for; 2 when a setting is wrong or data are missing."""
    chosen = _parser().parse_args(arguments)
    try:
        section = read_params(chosen.params, "chest_xray", []).get("bench")
        if section is None:
            raise WrongSetting(f"{WHERE} is missing from {chosen.params}")
        _run(chosen, bench(section))
    except (WrongParams, DataMissing) as error:
        sys.stderr.write(f"python -m ml.algorithms.chest_xray.bench: {error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.bench", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    parser.add_argument(
        "--out", type=Path, default=Path("var/bench/chest_xray"), metavar="DIR",
        help="keeps every run and what it needs (gigabytes); a bench that was stopped goes on there",
    )  # fmt: skip
    parser.add_argument("--stage", choices=(stages.CANDIDATES,), help="only this one (default: all)")
    parser.add_argument(
        "--trials", type=int, default=0, metavar="N", help="then tune the chosen candidate with Optuna"
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="write the comparison beside the code, where the model page looks",
    )
    return parser


def _run(chosen: argparse.Namespace, asked: Bench) -> None:
    stages.check(asked, chosen.data)
    found = stages.candidates(asked, stages.workshop(asked, chosen.data, chosen.out))
    if not chosen.stage:
        found = stages.challengers(asked, found)
        if chosen.trials:
            found = tune(asked, found, chosen.trials)
        found = stages.finalists(asked, found)
    _write(HERE if chosen.publish else chosen.out, found, asked)


def _write(folder: Path, found: Found, asked: Bench) -> None:
    judged = tables(found, asked)
    document = as_json(found, judged, sentences(found, judged, asked))
    (folder / FILE).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / REPORT).write_text(markdown(document), "utf-8")
    sys.stdout.write(f"{folder / REPORT}\n")


if __name__ == "__main__":
    sys.exit(main())

"""``python -m ml.algorithms.chest_xray.bench``: candidates, challengers, finalists; a search when asked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ml.algorithms.chest_xray.bench.settings import WHERE, WrongSetting, bench
from ml.training.commands import read_params
from ml.training.data import DataMissing
from ml.training.params import WrongParams

CANDIDATES = "candidates"
"""The stage that can be asked for alone."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stages asked for; 2 when a setting is wrong or data are missing."""
    chosen = _parser().parse_args(arguments)
    try:
        section = read_params(chosen.params, "chest_xray", []).get("bench")
        if section is None:
            raise WrongSetting(f"{WHERE} is missing from {chosen.params}")
        asked = bench(section)
        # Only now: TensorFlow takes ten seconds to load, and a wrong setting is to be named at once.
        from ml.algorithms.chest_xray.bench import whole

        report = whole.run(
            asked, chosen.data, chosen.out,
            candidates_only=bool(chosen.stage), trials=chosen.trials, publish=chosen.publish,
        )  # fmt: skip
    except (WrongParams, DataMissing) as error:
        sys.stderr.write(f"python -m ml.algorithms.chest_xray.bench: {error}\n")
        return 2
    sys.stdout.write(f"{report}\n")
    return 0


def _trials(given: str) -> int:
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(f"{given!r} is no number of trials; allowed is 0 (none) or more")
    return int(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.bench", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), metavar="FILE")
    parser.add_argument(
        "--out", type=Path, default=Path("var/bench/chest_xray"), metavar="DIR",
        help="keeps every run and what it needs (gigabytes); a bench that was stopped goes on there",
    )  # fmt: skip
    parser.add_argument("--stage", choices=(CANDIDATES,), help="only this one (default: all)")
    parser.add_argument(
        "--trials", type=_trials, default=0, metavar="N", help="then tune the chosen candidate with Optuna"
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="write the comparison beside the code, where the model page looks",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

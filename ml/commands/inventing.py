"""The commands that invent inputs: ``example``, ``simulate-night`` and ``simulate-births``."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from ml.algorithms.haemorrhage.examples import ADMISSIONS
from ml.commands.answering import WrongCall, write_line
from ml.contracts import LANGUAGES


def add_example_to(commands: Any) -> None:
    """Register the parser of ``example``."""
    example = commands.add_parser("example", help="print an invented admission form, to be predicted")
    example.add_argument("algorithm", choices=("haemorrhage",))
    example.add_argument("which", nargs="?", choices=tuple(ADMISSIONS), default="typical")
    example.set_defaults(run=_example)


def add_to(commands: Any) -> None:
    """Register the parsers of what simulates."""
    simulate = commands.add_parser("simulate-night", help="write a simulated night as EDF+")
    simulate.add_argument("out", type=Path, metavar="OUT.edf")
    simulate.add_argument("--hours", type=float, default=7.5, help="length (default: %(default)s)")
    simulate.add_argument("--seed", type=int, default=0, help="the same gives the same night")
    simulate.add_argument("--force", action="store_true", help="write over a file of this name")
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


def _example(chosen: argparse.Namespace) -> int:
    write_line(ADMISSIONS[chosen.which][1])
    return 0


def _simulate_night(chosen: argparse.Namespace) -> int:
    if not 0.1 <= chosen.hours <= 24:
        raise WrongCall(f"--hours is {chosen.hours}; it must lie between 0.1 and 24")
    if chosen.out.is_file() and not chosen.force:
        raise WrongCall(f"{chosen.out} is there already: give another name, or --force to write over it")
    import_module("ml.algorithms.sleep.simulate").write_night(
        chosen.out, hours=chosen.hours, seed=chosen.seed
    )
    write_line({"written": str(chosen.out), "simulated": True, "hours": chosen.hours, "seed": chosen.seed})
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
    write_line(
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

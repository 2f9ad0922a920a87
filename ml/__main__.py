"""The command line that scripts rely on: ``python -m ml COMMAND ...``.

Standard output carries JSON lines only; everything meant for people goes to standard error.
Exit status: 0 when every input was answered (a refusal is an answer), 1 when one could not be
analysed through a defect of ours, 2 when the call itself is wrong. `algorithms`: 1 when a package is
damaged, which standard error names. `train` with `--mapping`: 0 when the candidate was accepted, 1 when
it was rejected or its table refused, 2 when the mapping cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ml import package as packages
from ml import registry
from ml.commands import inventing, monitoring, predicting, training, versions
from ml.commands.answering import WrongCall


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
    # The help lists them in this order.
    for add_to in (
        versions.add_list_to,
        predicting.add_to,
        inventing.add_example_to,
        training.add_to,
        versions.add_to,
        monitoring.add_to,
        inventing.add_to,
    ):
        add_to(commands)
    return parser, commands


if __name__ == "__main__":
    sys.exit(main())

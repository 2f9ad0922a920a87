"""``python -m tests.hostile --out DIR`` writes the hostile inputs as files, for a test of the security."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.hostile import corpus
from tests.hostile.case import Intake


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the inputs, and ``index.csv`` that says of each where it belongs and what is wrong with it."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to, made when there is none")
    parser.add_argument("--only", choices=list(Intake), action="append", help="intakes; all when left out")
    parser.add_argument("--sample", action="store_true", help="only those that `make test` tries")
    chosen = parser.parse_args(arguments)
    rows = []
    for intake in chosen.only or list(Intake):
        folder = chosen.out / intake
        folder.mkdir(parents=True, exist_ok=True)
        for case in corpus.sample(intake) if chosen.sample else corpus.of(intake):
            path = case.write(folder)
            rows.append(
                (str(path.relative_to(chosen.out)), intake, case.wrong, case.name, path.stat().st_size)
            )
    with (chosen.out / "index.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "intake", "kind", "what is wrong", "bytes"))
        writer.writerows(rows)
    sys.stdout.write(f"{len(rows)} hostile inputs in {chosen.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

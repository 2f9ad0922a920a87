"""``make soak``: send studies to the real product, kill its processes meanwhile, and look what was lost.

One that was cut short, or whose minutes were over, goes on where it was when it is started again with the
same folder and seed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import django


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--studies", type=int, default=500, help="how many to send (500)")
    parser.add_argument("--seed", type=int, default=6, help="from which everything follows (6)")
    parser.add_argument("--minutes", type=float, default=120, help="after which nothing more is sent (120)")
    parser.add_argument("--folder", type=Path, default=Path("var/soak"), help="of the product (var/soak)")
    return parser.parse_args()


def prepare(folder: Path) -> None:
    """Have this process belong to the product in ``folder``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["VIGIE_DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "clinic.settings"
    os.environ.setdefault("VIGIE_TEST_PATIENCE", "600")
    os.umask(0o077)
    django.setup()


def main() -> int:
    """Run a soak; 0 when nothing was lost."""
    asked = arguments()
    folder = asked.folder.absolute() / f"seed-{asked.seed}"
    prepare(folder)
    # Only now: what these import needs the settings of that folder.
    from tests.soak import driver

    return driver.run(folder, seed=asked.seed, studies=asked.studies, minutes=asked.minutes)


if __name__ == "__main__":
    sys.exit(main())

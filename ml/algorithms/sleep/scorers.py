"""What agreement between people looks like: five scorers of the same nights, every pair of them.

``python -m ml.algorithms.sleep.scorers --data ../shared/data [--publish]`` prints one JSON line per cohort;
``--publish`` writes ``scorers.json``, which the comparison of two scorings shows as its yardstick.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.sleep import agreement
from ml.algorithms.sleep.agreement import Agreement
from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.statistics import UNSCORED
from ml.contracts import Text
from ml.training.bootstrap import Interval, interval
from ml.training.data import DataMissing, require

FOLDER = "sleep/dreem_scorers"
COMMAND = "python -m ml.algorithms.sleep.scorers --data ../shared/data --publish"
COHORTS = {
    "dodh": Text("healthy volunteers (DOD-H)", "volontaires sains (DOD-H)"),
    "dodo": Text("patients with sleep apnoea (DOD-O)", "patients apnéiques (DOD-O)"),
}
SOURCE = "Dreem Open Datasets (Guillot 2020), MIT licence"
PUBLISHED = (
    {
        "kappa": {"value": 0.76, "low": 0.71, "high": 0.81},
        "source": Text("Lee 2022, meta-analysis", "Lee 2022, méta-analyse").as_json(),
    },
)
REPEATS = 2000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both cohorts, print them, and write them down when asked to."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.sleep.scorers", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    parser.add_argument("--publish", action="store_true", help=f"write {agreement.SCORERS.name}")
    chosen = parser.parse_args(arguments)
    try:
        cohorts = [measure(chosen.data, name) for name in COHORTS]
    except DataMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for cohort in cohorts:
        sys.stdout.write(json.dumps(cohort) + "\n")
    if chosen.publish:
        stored = {"cohorts": cohorts, "published": PUBLISHED, "source": SOURCE, "command": COMMAND}
        agreement.SCORERS.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
    return 0


def measure(data: Path, cohort: str) -> dict[str, Any]:
    """Return how well the pairs of scorers of one cohort agree.

    Parameters
    ----------
    data
        Folder of the data.
    cohort
        ``"dodh"`` or ``"dodo"``.

    Returns
    -------
    dict
        ``kappa``, ``accuracy``, ``macro_f1``: the mean over nights of the mean over the night's pairs, with a
        95 % interval over nights; ``f1`` per stage, the same; ``middle_half``: the quartiles of κ over single
        nights and pairs; ``nights``, ``scorers``, ``pairs`` compared, ``epochs`` that both of a pair scored,
        on average per pair and night.

    Raises
    ------
    ml.training.data.DataMissing
        When the scorings are not there.
    """
    nights = [
        [agreement.compare(a, b, repeats=0) for a, b in combinations(scorings, 2)]
        for scorings in _nights(data, cohort)
    ]
    pairs = [pair for night in nights for pair in night]
    kappas = np.array([pair.kappa.value for pair in pairs if pair.kappa.value is not None])
    return {
        "name": cohort,
        "label": COHORTS[cohort].as_json(),
        "nights": len(nights),
        "scorers": 5,
        "pairs": len(pairs),
        "epochs": round(float(np.mean([pair.epochs for pair in pairs]))),
        "kappa": _over_nights(nights, lambda pair: pair.kappa.value),
        "accuracy": _over_nights(nights, lambda pair: pair.accuracy.value),
        "macro_f1": _over_nights(nights, lambda pair: pair.macro_f1.value),
        "f1": {
            stage: _over_nights(nights, lambda pair, stage=stage: pair.f1[stage]) for stage in STAGES
        },
        "middle_half": [round(float(q), 3) for q in np.quantile(kappas, (0.25, 0.75))],
    }  # fmt: skip


def _nights(data: Path, cohort: str) -> Iterator[list[list[str]]]:
    """Yield the scorings of each night, one per scorer."""
    (folder,) = require(data, f"{FOLDER}/{cohort}")
    scorers = sorted(path for path in folder.iterdir() if path.is_dir())
    for night in sorted(path.name for path in scorers[0].glob("*.json")):
        yield [_stages(scorer / night) for scorer in scorers]


def _stages(path: Path) -> list[str]:
    """Read one scoring: 0 to 4 for W, N1, N2, N3, R, -1 for unscored."""
    return [STAGES[code] if code >= 0 else UNSCORED for code in json.loads(path.read_text("utf-8"))]


def _over_nights(
    nights: Sequence[Sequence[Agreement]], figure: Callable[[Agreement], float | None]
) -> dict[str, float]:
    """Return the mean of a figure, undefined ones left out, with an interval over nights."""
    defined = [[v for pair in night if (v := figure(pair)) is not None] for night in nights]
    means = np.array([np.mean(values) for values in defined if values])
    rng = np.random.default_rng(0)
    drawn = rng.choice(means, (REPEATS, len(means))).mean(axis=1)
    found: Interval = interval(float(means.mean()), drawn)
    return {"value": round(found.value, 3), "low": round(found.low, 3), "high": round(found.high, 3)}


if __name__ == "__main__":
    raise SystemExit(main())

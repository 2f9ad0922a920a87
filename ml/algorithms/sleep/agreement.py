"""How well two hypnograms of one recording agree, epoch by epoch.

Standard library only: the web process compares the draft with its correction, and two scorers with
each other. What agreement between people looks like is measured by ``scorers.py`` and kept in
``scorers.json``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any

from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.statistics import UNSCORED
from ml.contracts import Text

SCORERS = Path(__file__).with_name("scorers.json")
BLOCK_EPOCHS = 20
"""Ten minutes: neighbouring epochs are alike, so whole stretches are resampled (Künsch 1989)."""
REPEATS = 1000
_N = len(STAGES)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; ``None`` where undefined or too little was compared."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two hypnograms compared over the epochs that both scored.

    Parameters
    ----------
    epochs
        How many both scored.
    left_out
        How many at least one of them left unscored.
    kappa
        Cohen's κ (Cohen 1960), unweighted; undefined when both wrote one and the same stage throughout.
    accuracy
        Share of epochs with the same stage.
    macro_f1
        Mean of ``f1`` over the stages that occur.
    f1
        Dice overlap of each stage; ``None`` where neither wrote it. It is the same whoever comes first.
    confusion
        Epochs by stage of the first (rows) and of the second (columns), in the order of ``STAGES``.
    differ
        Positions of the epochs with two different stages.
    """

    epochs: int
    left_out: int
    kappa: Estimate
    accuracy: Estimate
    macro_f1: Estimate
    f1: dict[str, float | None]
    confusion: tuple[tuple[int, ...], ...]
    differ: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return asdict(self) | {
            "stages": list(STAGES),
            "confusion": [list(row) for row in self.confusion],
            "differ": list(self.differ),
        }


def compare(a: Sequence[str], b: Sequence[str], seed: int = 0, *, repeats: int = REPEATS) -> Agreement:
    """Compare two hypnograms of one recording.

    Parameters
    ----------
    a, b
        One of W, N1, N2, N3, R, ``"?"`` per 30 s epoch, from the start of the recording.
    seed
        Of the bootstrap: the same seed gives the same interval.
    repeats
        Bootstrap samples; 0 for no interval.

    Returns
    -------
    Agreement
        Intervals are percentiles over resampled blocks of ten minutes of this one night: they say how
        sure the figure is for this night, nothing about other nights.

    Raises
    ------
    ValueError
        When the lengths differ or a stage is none of these.
    """
    if len(a) != len(b):
        raise ValueError(f"two hypnograms of one recording have the same length, got {len(a)} and {len(b)}")
    if strange := {*a, *b} - {*STAGES, UNSCORED}:
        raise ValueError(f"expected stages {', '.join(STAGES)} or {UNSCORED}, got {sorted(strange)}")
    both = [i for i in range(len(a)) if UNSCORED not in (a[i], b[i])]
    blocks = [
        _block((STAGES.index(a[i]), STAGES.index(b[i])) for i in both[at : at + BLOCK_EPOCHS])
        for at in range(0, len(both), BLOCK_EPOCHS)
    ]
    whole = _sum(blocks)
    drawn = [_figures(_sum(sample)) for sample in _samples(blocks, seed, repeats)]
    kappa, accuracy, macro_f1 = (
        _estimate(value, [figures[k] for figures in drawn]) for k, value in enumerate(_figures(whole))
    )
    return Agreement(
        epochs=len(both),
        left_out=len(a) - len(both),
        kappa=kappa,
        accuracy=accuracy,
        macro_f1=macro_f1,
        f1=dict(zip(STAGES, _f1(whole), strict=True)),
        confusion=_confusion(a, b, both),
        differ=tuple(i for i in both if a[i] != b[i]),
    )


@cache
def yardstick() -> dict[str, Any]:
    """Return what agreement between people looks like, as ``scorers.py`` measured it.

    Returns
    -------
    dict
        ``cohorts`` (name, nights, scorers, ``pairs`` per night, and ``kappa``, ``accuracy``, ``macro_f1``
        with value, low, high; ``f1`` per stage), ``published`` (κ with interval and source) and
        ``command``.
    """
    return json.loads(SCORERS.read_text("utf-8"))


def yardstick_in_words() -> Text:
    """Say in a sentence how well people agree, with n and intervals, to stand beside a κ."""
    found = yardstick()
    parts = [
        Text(
            f"κ {_between(cohort['kappa'], 'en')} in {cohort['nights']} nights of {cohort['label']['en']}",
            f"κ {_between(cohort['kappa'], 'fr')} sur {cohort['nights']} nuits de {cohort['label']['fr']}",
        )
        for cohort in found["cohorts"]
    ]
    (meta,) = found["published"]
    return Text(
        f"Two people who score the same night agree with {', '.join(part.en for part in parts)}; "
        f"{_between(meta['kappa'], 'en')} in print ({meta['source']['en']}).",
        f"Deux personnes qui cotent la même nuit concordent avec {', '.join(part.fr for part in parts)} ; "
        f"{_between(meta['kappa'], 'fr')} dans la littérature ({meta['source']['fr']}).",
    )


def _between(figure: dict[str, float], language: str) -> str:
    written = f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"
    if language == "en":
        return written
    return written.replace(",", " ;").replace(".", ",")


def _block(pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Return the sums κ, accuracy and F1 need of a stretch: agreed, first's and second's epochs by stage."""
    sums = [0] * (3 * _N)
    for first, second in pairs:
        sums[first] += first == second
        sums[_N + first] += 1
        sums[2 * _N + second] += 1
    return tuple(sums)


def _sum(blocks: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*blocks, strict=True)] if blocks else [0] * (3 * _N)


def _samples(blocks: Sequence[Sequence[int]], seed: int, repeats: int) -> Iterable[Sequence[Sequence[int]]]:
    """Yield blocks drawn with replacement; nothing when there are too few to resample."""
    if len(blocks) < 2:
        return
    # Not for secrets: an interval that can be computed again.
    rng = random.Random(seed)  # noqa: S311
    for _ in repeat(None, repeats):
        yield rng.choices(blocks, k=len(blocks))


def _figures(sums: Sequence[int]) -> tuple[float | None, float | None, float | None]:
    """Return κ, accuracy and macro F1."""
    total = sum(sums[_N : 2 * _N])
    if not total:
        return None, None, None
    accuracy = sum(sums[:_N]) / total
    chance = sum(x * y for x, y in zip(sums[_N : 2 * _N], sums[2 * _N :], strict=True)) / total**2
    occurring = [value for value in _f1(sums) if value is not None]
    kappa = (accuracy - chance) / (1 - chance) if chance < 1 else None
    return kappa, accuracy, sum(occurring) / len(occurring)


def _f1(sums: Sequence[int]) -> list[float | None]:
    written = [sums[_N + k] + sums[2 * _N + k] for k in range(_N)]
    return [2 * sums[k] / written[k] if written[k] else None for k in range(_N)]


def _estimate(value: float | None, drawn: Sequence[float | None]) -> Estimate:
    """Add the 2.5th and 97.5th percentile, unless the figure is undefined on many samples."""
    defined = sorted(figure for figure in drawn if figure is not None)
    if value is None or len(defined) < max(2, len(drawn) // 2):
        return Estimate(value)
    last = len(defined) - 1
    return Estimate(value, defined[round(0.025 * last)], defined[round(0.975 * last)])


def _confusion(a: Sequence[str], b: Sequence[str], both: Iterable[int]) -> tuple[tuple[int, ...], ...]:
    table = [[0] * _N for _ in range(_N)]
    for i in both:
        table[STAGES.index(a[i])][STAGES.index(b[i])] += 1
    return tuple(tuple(row) for row in table)

"""How often the watch over drift errs, and how soon it sees a known drift: by simulation, seeded.

A stream is a reference and windows of one invented population with the fields of a form: numbers that depend
on each other, skewed ones, counts with ties, categories with rare levels, values that are missing; a model
that is calibrated, and outcomes drawn from its probabilities. Each stream has a population of its own. Who is
assessed several times sends nearly the same each time; the outcomes of a window are those of its people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import expit

from ml.contracts import Text
from ml.monitoring.assembling import Group, Outcomes, assemble, samples
from ml.monitoring.hysteresis import OPEN_AFTER, Change, Level, State, step
from ml.monitoring.watched import Row, Score, Watched, firsts

REFERENCE, WINDOW = 300, 100
NUMBERS, SKEWED, COUNTS, CATEGORIES = 8, 4, 4, 8
MISSING = 0.1
VERSION = "s" * 64


@dataclass(frozen=True, slots=True)
class Drift:
    """What changes from the first window on; nothing by default.

    Parameters
    ----------
    age
        Shift of the first number, in its standard deviations.
    device
        Share of the studies that come from a device with other brightness and another name.
    prevalence
        Shift of the log odds of the event that its signs carry with it.
    category
        Share of the studies with a level that was never seen.
    missing
        Share of the studies in which the second number is no longer given.
    concept
        Shift of the log odds of the outcome at the same input.
    """

    age: float = 0.0
    device: float = 0.0
    prevalence: float = 0.0
    category: float = 0.0
    missing: float = 0.0
    concept: float = 0.0


NONE = Drift()
KNOWN = {
    "age": (Drift(age=0.8), "drift:n0"),
    "device": (Drift(device=0.6), "drift:device"),
    "prevalence": (Drift(prevalence=1.2), "drift:p"),
    "category": (Drift(category=0.15), "drift:c0"),
    "missing": (Drift(missing=0.35), "missing:n1"),
    "concept": (Drift(concept=-1.2), "calibration"),
}


def watched() -> tuple[Watched, ...]:
    """Return the fields of the invented form and of its model."""
    numbers = (
        [f"n{i}" for i in range(NUMBERS)]
        + [f"s{i}" for i in range(SKEWED)]
        + [f"i{i}" for i in range(COUNTS)]
    )
    levels = ["device", *(f"c{i}" for i in range(CATEGORIES))]
    return (
        *(Watched(name, Text(name, name)) for name in numbers),
        *(Watched(name, Text(name, name), numeric=False) for name in levels),
        Watched("p", Text("probability", "probabilité"), output=True),
        Watched("flagged", Text("decision", "décision"), numeric=False, output=True),
    )


@dataclass
class Population:
    """One invented population."""

    rng: np.random.Generator
    mix: np.ndarray = field(init=False)
    weights: np.ndarray = field(init=False)
    shares: list[np.ndarray] = field(init=False)
    rates: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.mix = self.rng.normal(size=(NUMBERS, NUMBERS)) * 0.4 + np.eye(NUMBERS)
        self.weights = self.rng.normal(size=NUMBERS) * 0.45
        self.shares = [self.rng.dirichlet(np.full(self.rng.integers(2, 6), 0.8)) for _ in range(CATEGORIES)]
        self.rates = self.rng.uniform(0.3, 3, size=COUNTS)

    def draw(self, n: int, drift: Drift) -> tuple[list[Row], list[Score], np.ndarray]:
        """Return rows, what the model says of them, and what became of them, shape (n,)."""
        rng = self.rng
        z = rng.normal(size=(n, NUMBERS)) @ self.mix.T
        # Who has the event shows it: more of them move every sign along its weight.
        z += drift.prevalence * self.weights / (self.weights @ self.weights)
        odds = z @ self.weights - 1.0
        z[:, 0] += drift.age * np.linalg.norm(self.mix[0])
        skewed, counts = rng.lognormal(size=(n, SKEWED)), rng.poisson(self.rates, size=(n, COUNTS))
        other = rng.random(n) < drift.device
        skewed[other, 0] *= 2.0
        p = expit(odds)
        y = rng.random(n) < expit(odds + drift.concept)
        gone = rng.random((n, NUMBERS)) < np.r_[0.0, MISSING + drift.missing, np.full(NUMBERS - 2, MISSING)]
        levels = [rng.choice(len(share), size=n, p=share) for share in self.shares]
        new = rng.random(n) < drift.category
        rows = []
        for i in range(n):
            row: Row = {f"n{k}": None if gone[i, k] else float(z[i, k]) for k in range(NUMBERS)}
            row |= {f"s{k}": float(skewed[i, k]) for k in range(SKEWED)}
            row |= {f"i{k}": float(counts[i, k]) for k in range(COUNTS)}
            row |= {f"c{k}": f"l{levels[k][i]}" for k in range(CATEGORIES)}
            row |= {"device": "b" if other[i] else "a", "p": float(p[i])}
            row |= {"flagged": "yes" if p[i] >= 0.5 else "no"} | ({"c0": "new"} if new[i] else {})
            rows.append(row)
        return rows, [Score(float(one), bool(one >= 0.5)) for one in p], y.astype(float)


def contents(
    seed: int, windows: int, drift: Drift, *, assessments: int = 1, each: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield what each window of one stream says, of outcomes that no other window counts.

    Parameters
    ----------
    assessments
        How often everybody is assessed in a window.
    each
        Whether every assessment counts, as it must not: to show what that would cost.
    """
    population = Population(np.random.default_rng(seed))
    things = watched()
    reference = _group(things, *_seen(population.draw(REFERENCE, NONE), assessments, each=each))
    for _ in range(windows):
        drawn = population.draw(WINDOW, drift)
        rows, scores = _seen(drawn, assessments, each=each)
        outcomes = Outcomes([score.expected for score in drawn[1]], drawn[2].tolist())
        yield assemble(things, reference, _group(things, rows, scores), outcomes)


def _seen(
    drawn: tuple[list[Row], list[Score], np.ndarray], assessments: int, *, each: bool
) -> tuple[list[Row], list[Score]]:
    sent = [
        (person, both) for person, both in enumerate(zip(*drawn[:2], strict=True)) for _ in range(assessments)
    ]
    kept = [both for _, both in sent] if each else firsts(sent)
    return [row for row, _ in kept], [score for _, score in kept]


def _group(things: tuple[Watched, ...], rows: list[Row], scores: list[Score]) -> Group:
    return Group(
        n=len(rows),
        inputs=samples(things, rows, output=False),
        outputs=samples(things, rows, output=True),
        scores=scores,
        version="simulated",
        sha256=VERSION,
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """What happened over many windows.

    Parameters
    ----------
    raised
        Windows at which anything at all stood out.
    opened
        Windows at which an alert opened.
    alarmed
        Windows at which one was open.
    """

    windows: int
    raised: int
    opened: int
    alarmed: int


def undrifted(
    streams: int, windows: int, *, seed: int = 0, assessments: int = 1, each: bool = False
) -> Tally:
    """Count the alarms of streams in which nothing changes; see :func:`contents`."""
    raised = opened = alarmed = 0
    for stream in range(streams):
        states: dict[str, State] = {}
        for content in contents(seed + stream, windows, NONE, assessments=assessments, each=each):
            changes = []
            for key, level in content["signals"].items():
                states[key], change = step(states.get(key, State()), Level(level))
                changes.append(change)
            raised += Level.RAISED in content["signals"].values()
            opened += Change.OPENED in changes
            alarmed += any(state.open for state in states.values())
    return Tally(streams * windows, raised, opened, alarmed)


def caught(name: str, streams: int, *, seed: int = 0) -> int:
    """Count the streams in which the alert of a known drift is open at the second window."""
    drift, key = KNOWN[name]
    found = 0
    for stream in range(streams):
        levels = [content["signals"][key] for content in contents(seed + stream, OPEN_AFTER, drift)]
        found += levels == [Level.RAISED] * OPEN_AFTER
    return found

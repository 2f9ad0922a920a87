"""A night in one shape for every document: what is reported, the draft beside it, and what was measured.

What is reported is a person's scoring once there is one; the draft of the model is always kept. Results of
before there were scorings, juries or oxygen say the same of a night with less in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from ml.algorithms.sleep import agreement
from ml.algorithms.sleep import statistics as figures
from ml.contracts import Text
from predictions.models import Scoring
from predictions.outputs.facts import Facts
from predictions.outputs.typed import upright
from predictions.workspaces.sleep import comparing, scoring

STAGES = ("W", "N1", "N2", "N3", "R")
UNSCORED = "?"
ASLEEP = STAGES[1:]
STAGE_NAMES = {
    "W": Text("Wake", "Éveil"),
    "N1": Text("N1", "N1"),
    "N2": Text("N2", "N2"),
    "N3": Text("N3", "N3"),
    "R": Text("REM sleep", "Sommeil paradoxal"),
    UNSCORED: Text("Unscored", "Non coté"),
}
TREES = Text("Second model (boosted trees)", "Second modèle (arbres boostés)")
YASA = Text("YASA, as second opinion", "YASA, second avis")
INDEX = "signals.json"
PAIR = 2

Row = Sequence[float] | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of the recording that a scorer marked.

    Parameters
    ----------
    onset, seconds
        From the start of the recording; a mark of a whole epoch lasts as long as the epoch.
    """

    onset: float
    seconds: float


@dataclass(frozen=True)
class Night:
    """One night as a document shows it.

    Parameters
    ----------
    stages
        What is reported, per epoch from the start of the recording.
    lights_off, lights_on
        Seconds from the start of the recording; ``None`` where nobody entered them.
    comments
        Epoch and text, in the order of the night.
    scoring
        The person's work that is reported; ``None`` where it is the draft.
    under_way
        Who is scoring a version that is not signed yet: their work is in no document.
    kept
        Statistics as the scoring room shows and a signature keeps them.
    """

    facts: Facts
    stages: tuple[str, ...]
    lights_off: float | None = None
    lights_on: float | None = None
    arousals: tuple[Mark, ...] = ()
    artefacts: tuple[Mark, ...] = ()
    comments: tuple[tuple[int, str], ...] = ()
    scoring: Scoring | None = None
    under_way: tuple[str, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)

    @property
    def result(self) -> Mapping[str, Any]:
        """What the model answered."""
        return self.facts.result

    @property
    def scored(self) -> bool:
        """Whether a person scored what is reported."""
        return self.scoring is not None

    @property
    def scorer(self) -> str:
        """Who scored it; empty where the draft is reported."""
        return self.scoring.scorer.label if self.scoring else ""

    @property
    def draft(self) -> Sequence[str]:
        """The stages of the model."""
        return self.result["stages"]

    @property
    def seconds(self) -> int:
        """Length of an epoch."""
        return self.result["epoch_seconds"]

    @property
    def duration(self) -> int:
        """Seconds from the first epoch to the end of the last."""
        return len(self.stages) * self.seconds

    @property
    def probabilities(self) -> Sequence[Row]:
        """Of the model, by stage; ``None`` for an epoch that it did not stage."""
        return self.result["probabilities"]

    @cached_property
    def start(self) -> datetime | None:
        """When the recording began by its own clock, which carries no time zone; ``None`` when unknown."""
        said = self.result.get("start")
        return datetime.fromisoformat(said).replace(tzinfo=None) if said else None

    @cached_property
    def changed(self) -> list[int]:
        """Epochs that are reported with another stage than the draft's."""
        pairs = zip(self.stages, self.draft, strict=False)
        return [epoch for epoch, (reported, drafted) in enumerate(pairs) if reported != drafted]

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """Figures of what is reported; those stored with a draft stand as they were."""
        found = figures.statistics(
            self.stages,
            lights_off=self.lights_off,
            lights_on=self.lights_on,
            arousals=[mark.onset for mark in self.arousals],
        )
        untouched = not self.scored and self.lights_off is None and self.lights_on is None
        return found | self.kept | (self.result["statistics"] if untouched else {})

    @cached_property
    def draft_statistics(self) -> dict[str, Any]:
        """The same of the draft between the same lights, to lay beside."""
        return figures.statistics(self.draft, lights_off=self.lights_off, lights_on=self.lights_on)

    @cached_property
    def agreement(self) -> Mapping[str, Any] | None:
        """How far the draft agrees with what a person made of it, as it was signed; ``None`` for a draft."""
        if not self.scored or len(self.draft) != len(self.stages):
            return None
        reported = self.facts.signature.hypnogram if self.facts.signature else None
        if reported is not None and reported.agreement:
            return reported.agreement
        return agreement.compare(self.draft, self.stages).to_json()

    @cached_property
    def reasons(self) -> dict[int, list[str]]:
        """What was wrong with the signal, as codes, by epoch."""
        found: dict[int, list[str]] = {}
        for first, count, reason in (self.result.get("quality") or {}).get("epochs", ()):
            for epoch in range(first, first + count):
                found.setdefault(epoch, []).append(reason)
        return found

    @cached_property
    def defects(self) -> dict[str, dict[str, int]]:
        """How many epochs of each trace have which defect, by its label; empty for results of before."""
        index = self.facts.artefact(INDEX)
        if index is None:
            return {}
        told = json.loads(index)
        found: dict[str, dict[str, int]] = {}
        for one in told.get("quality", ()):
            counts = found.setdefault(told["montage"][one["trace"]]["label"], {})
            for _first, count, reason in one["epochs"]:
                counts[reason] = counts.get(reason, 0) + count
        return {label: counts for label, counts in found.items() if counts}

    @cached_property
    def opinions(self) -> list[tuple[Text, Mapping[str, Any]]]:
        """How far other models agree with what is reported: the trees beside the network, YASA if asked."""
        named = ((TREES, self.result.get("boosted")), (YASA, self.result.get("opinion")))
        return [
            (name, agreement.compare(told["stages"], self.stages).to_json())
            for name, told in named
            if told and told.get("stages") and len(told["stages"]) == len(self.stages)
        ]

    @cached_property
    def disagreement(self) -> Sequence[float | None]:
        """How far the derivations of the jury disagree, 0 to 1 by epoch; empty where none voted."""
        jury = self.result.get("jury")
        return jury["disagreement"] if jury else ()

    @property
    def oxygen(self) -> Mapping[str, Any]:
        """What was measured in the oxygen saturation; empty without any."""
        return self.result.get("oxygen") or {}

    @property
    def breathing(self) -> Mapping[str, Any]:
        """What the screening of flow and effort found; empty without any."""
        return self.result.get("breathing") or {}

    @property
    def microstructure(self) -> Mapping[str, Any]:
        """Spindles and slow waves; empty where none were looked for."""
        return self.result.get("microstructure") or {}

    @cached_property
    def falls(self) -> list[Mark]:
        """The desaturations that were found, each to its recovery."""
        return list(_found(self.oxygen.get("events", ())))

    @cached_property
    def pauses(self) -> dict[str, list[Mark]]:
        """The events of the flow that were found, by kind."""
        events = self.breathing.get("events", ())
        kinds = sorted({event["kind"] for event in events})
        return {kind: list(_found(event for event in events if event["kind"] == kind)) for kind in kinds}

    def epoch_of(self, seconds: float) -> int:
        """Return the epoch that a moment lies in."""
        return min(int(seconds // self.seconds), len(self.stages) - 1)

    def marked(self, marks: Sequence[Mark]) -> set[int]:
        """Return the epochs that marks touch."""
        return {epoch for mark in marks for epoch in self._touched(mark)}

    def _touched(self, mark: Mark) -> range:
        first = max(0, int(mark.onset // self.seconds))
        last = self.epoch_of(max(mark.onset, mark.onset + mark.seconds - 1e-6))
        return range(first, last + 1)

    def clock(self, seconds: float) -> str:
        """Return the time of day at a moment of the recording, or how far into it where that is unknown."""
        if self.start is not None:
            return f"{self.start + timedelta(seconds=seconds):%H:%M:%S}"
        return _elapsed(seconds)


def of(facts: Facts) -> Night:
    """Return the night of a result in the version that a document shows."""
    found = _reported(facts)
    # What was scored stays what is reported when the night is analysed again; only the draft is another then.
    return Night(
        facts=facts,
        stages=found.stages,
        lights_off=found.lights_off,
        lights_on=found.lights_on,
        arousals=tuple(_marks(found.arousals, facts.result["epoch_seconds"])),
        artefacts=tuple(_marks(found.artefacts, facts.result["epoch_seconds"])),
        comments=tuple(sorted((mark["epoch"], upright(mark["text"])) for mark in found.comments)),
        scoring=found.scoring,
        under_way=() if facts.signature else scoring.under_way(facts.study),
        kept=found.statistics,
    )


def _reported(facts: Facts) -> scoring.Hypnogram:
    if facts.signature:
        return scoring.of(facts.signature)
    return scoring.documented(facts.study, facts.reader)


def scorers(facts: Facts) -> dict[str, Any] | None:
    """Return how far two people who scored the version agree, as ``comparing.between`` says it.

    Returns
    -------
    dict or None
        With ``names`` of the two and ``dependence``: why they are not independent, ``None`` when neither saw
        the other's. No dict unless two people finished, nor while anybody still scores apart.
    """
    version = facts.signature.version if facts.signature else scoring.version(facts.study)
    made = list(facts.study.scorings.filter(version=version).select_related("scorer", "prediction", "source"))
    if any(one.closed_at is None and one.blind for one in made):
        return None
    latest: dict[int, Scoring] = {}
    for one in sorted((one for one in made if one.finished), key=lambda one: (one.blind, one.closed_at)):
        latest[one.scorer_id] = one
    pair = sorted(latest.values(), key=lambda one: (not one.blind, one.started_at))[:PAIR]
    if len(pair) < PAIR:
        return None
    first, second = (scoring.scored(one) for one in pair)
    if len(first.stages) != len(second.stages):
        return None
    names = [one.scorer.label for one in pair]
    return comparing.between(first, second) | {"names": names, "dependence": comparing.dependence(pair)}


def is_night(facts: Facts) -> bool:
    """Return whether a result is a night with stages."""
    return "stages" in facts.result


def runs(stages: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield stage, first epoch and number of epochs of every stretch of one stage."""
    first = 0
    for position in range(1, len(stages) + 1):
        if position == len(stages) or stages[position] != stages[first]:
            yield stages[first], first, position - first
            first = position


def _marks(found: Sequence[Mapping[str, Any]], epoch_seconds: float) -> Iterator[Mark]:
    for mark in sorted(found, key=lambda one: one["onset_s"]):
        length = mark["duration_s"]
        yield Mark(mark["onset_s"], epoch_seconds if length is None else length)


def _found(events: Iterable[Mapping[str, Any]]) -> Iterator[Mark]:
    for event in events:
        yield Mark(event["start_s"], event["end_s"] - event["start_s"])


def _elapsed(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}"

"""A scoring as the fold of its events: what a night looks like after everything that was done to it.

Undoing an event leaves it out of the fold, whatever came after it: a later stage of the same epoch, typed in
another window, stands. Redoing puts it back in its old place. So windows of one scorer that interleave never
lose an act of each other. An undo takes back the last act of its own window, and where that has none (the
page was loaded again) the last act of all; the same goes for redo, which a new act of the window ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import UUID

from ml.algorithms.sleep.contract import EPOCH_SECONDS
from predictions.models import Kind

ACTS = (Kind.STAGE, Kind.AROUSAL, Kind.ARTEFACT, Kind.COMMENT, Kind.LIGHTS_OFF, Kind.LIGHTS_ON)
OFF = "off"

Mark = dict[str, Any]


class Done(Protocol):
    """What the fold needs of an event: a stored row, or a light copy of one, for there are thousands."""

    event: UUID
    number: int
    kind: str
    epoch: int | None
    seconds: float | None
    duration: float | None
    value: str
    text: str
    target: UUID | None
    window: str


FIELDS = tuple(Done.__annotations__)


@dataclass(frozen=True, slots=True)
class Night:
    """What is scored of a night.

    Parameters
    ----------
    stages
        W, N1, N2, N3, R or ``"?"`` per 30 s epoch from the start of the recording.
    lights_off, lights_on
        Seconds from the start of the recording; ``None`` where not entered.
    arousals, artefacts
        ``id``, ``epoch``, ``onset_s`` and ``duration_s``; the latter ``None`` where a whole epoch was marked.
    comments
        ``id``, ``epoch`` and ``text``, one per epoch.
    """

    stages: tuple[str, ...]
    lights_off: float | None = None
    lights_on: float | None = None
    arousals: tuple[Mark, ...] = ()
    artefacts: tuple[Mark, ...] = ()
    comments: tuple[Mark, ...] = ()

    @property
    def in_order(self) -> bool:
        """Whether lights off come before lights on, where both are known or the recording's end stands in."""
        end = len(self.stages) * EPOCH_SECONDS if self.lights_on is None else self.lights_on
        return (self.lights_off or 0.0) < end

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored and sent."""
        return {
            "stages": list(self.stages),
            "lights_off": self.lights_off,
            "lights_on": self.lights_on,
            "arousals": list(self.arousals),
            "artefacts": list(self.artefacts),
            "comments": list(self.comments),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Night:
        """Read what :meth:`as_json` wrote; other keys are left alone."""
        marks = {name: tuple(stored[name]) for name in ("arousals", "artefacts", "comments")}
        lights = {name: stored[name] for name in ("lights_off", "lights_on")}
        return cls(stages=tuple(stored["stages"]), **lights, **marks)


@dataclass(slots=True)
class Ledger:
    """The events of one scoring in their order, and which of them stand.

    Parameters
    ----------
    base
        What the scoring began with.
    """

    base: Night
    acts: dict[UUID, Done] = field(default_factory=dict)
    undone: set[UUID] = field(default_factory=set)
    known: set[UUID] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    _redo: list[tuple[UUID, str, int]] = field(default_factory=list)
    _last_act: dict[str, int] = field(default_factory=dict)

    def add_all(self, events: Iterable[Done]) -> Ledger:
        """Add events in their order, and return the ledger."""
        for event in events:
            self.add(event)
        return self

    def add(self, event: Done) -> None:
        """Add the next event."""
        self.known.add(event.event)
        if event.kind in ACTS:
            self.acts[event.event] = event
            self._last_act[event.window] = event.number
        elif event.kind == Kind.UNDO and event.target:
            self.undone.add(event.target)
            self._redo.append((event.target, event.window, event.number))
        elif event.kind == Kind.REDO and event.target:
            self.undone.discard(event.target)
            self._redo = [entry for entry in self._redo if entry[0] != event.target]
        elif event.kind == Kind.SEEN and event.epoch is not None:
            self.seen.add(event.epoch)

    @property
    def standing(self) -> list[Done]:
        """The acts that were not undone, in their order."""
        return [act for act in self.acts.values() if act.event not in self.undone]

    def to_undo(self, window: str = "") -> UUID | None:
        """Return what an undo of this window takes back; ``None`` when there is nothing."""
        standing = self.standing
        own = [act for act in standing if act.window == window]
        return (own or standing)[-1].event if standing else None

    def to_redo(self, window: str = "") -> UUID | None:
        """Return what a redo of this window puts back; ``None`` when there is nothing."""
        since = self._last_act.get(window, 0)
        redoable = [(target, of) for target, of, number in self._redo if number > since]
        own = [target for target, of in redoable if of == window]
        every = own or [target for target, _of in redoable]
        return every[-1] if every else None

    def night(
        self, *, without: UUID | None = None, again: UUID | None = None, then: Done | None = None
    ) -> Night:
        """Return the night as it stands.

        Parameters
        ----------
        without, again, then
            Events to leave out, to put back, or to add at the end, for this answer alone.
        """
        gone = (self.undone | {without}) - {again}
        acts = [act for act in self.acts.values() if act.event not in gone]
        return folded(self.base, [*acts, then] if then else acts)

    def looked_at(self) -> set[int]:
        """Return the epochs that were looked at: paged to, or given a stage, be it the same one."""
        return self.seen | {act.epoch for act in self.standing if act.kind == Kind.STAGE}


def folded(base: Night, acts: Iterable[Done]) -> Night:
    """Return ``base`` after ``acts``, the later one counting where two are of the same epoch."""
    stages = list(base.stages)
    marks = {Kind.AROUSAL: list(base.arousals), Kind.ARTEFACT: list(base.artefacts)}
    comments = {comment["epoch"]: comment for comment in base.comments}
    lights = {Kind.LIGHTS_OFF: base.lights_off, Kind.LIGHTS_ON: base.lights_on}
    for act in acts:
        if act.kind == Kind.STAGE:
            stages[act.epoch] = act.value
        elif act.kind in marks:
            marks[act.kind] = _marked(marks[act.kind], act)
        elif act.kind == Kind.COMMENT:
            comments.pop(act.epoch, None)
            if act.text:
                comments[act.epoch] = {"id": str(act.event), "epoch": act.epoch, "text": act.text}
        else:
            lights[act.kind] = act.seconds
    return replace(
        base,
        stages=tuple(stages),
        lights_off=lights[Kind.LIGHTS_OFF],
        lights_on=lights[Kind.LIGHTS_ON],
        arousals=_by_time(marks[Kind.AROUSAL]),
        artefacts=_by_time(marks[Kind.ARTEFACT]),
        comments=tuple(comments[epoch] for epoch in sorted(comments)),
    )


def _marked(marks: list[Mark], act: Done) -> list[Mark]:
    """Return ``marks`` with one more, or without those that ``act`` takes off."""
    onset = act.seconds if act.seconds is not None else float(act.epoch * EPOCH_SECONDS)
    length = act.duration if act.duration is not None else EPOCH_SECONDS
    whole = act.seconds is None
    if act.value == OFF:
        return [mark for mark in marks if not _touches(mark, onset, length)]
    kept = [mark for mark in marks if not (whole and mark["duration_s"] is None and mark["onset_s"] == onset)]
    epoch = int(onset // EPOCH_SECONDS)
    return [
        *kept,
        {"id": str(act.event), "epoch": epoch, "onset_s": onset, "duration_s": act.duration},
    ]


def _touches(mark: Mark, onset: float, length: float) -> bool:
    """Whether a mark begins within a stretch, or reaches into it."""
    ends = mark["onset_s"] + (mark["duration_s"] if mark["duration_s"] is not None else EPOCH_SECONDS)
    return mark["onset_s"] < onset + length and ends > onset


def _by_time(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    return tuple(sorted(marks, key=lambda mark: (mark["onset_s"], mark["id"])))

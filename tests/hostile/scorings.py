"""Hostile events of a scorer: each refused by itself, none of them kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.hostile.case import Case, Intake, Wrong
from tests.hostile.forms import BODIES, NO_VALUES, TEXTS

EPOCHS = 20
SECONDS = 30 * EPOCHS
NOT_EPOCHS: dict[str, Any] = {
    "below": -1,
    "the end": EPOCHS,
    "10 to the 9": 10**9,
    "10 to the 400": 10**400,
    "a half": 2.5,
    "2.0": 2.0,
    "quoted": "3",
    "null": None,
    "minus 2 to the 63": -(2**63),
    "2 to the 64": 2**64,
}
NOT_SECONDS: dict[str, Any] = {
    "below": -0.5,
    "beyond the end": SECONDS + 0.5,
    "1e300": 1e300,
    "10 to the 400": 10**400,
    "quoted": "30",
    "minus 10 to the 400": -(10**400),
}
NOT_LENGTHS = NOT_SECONDS | {"nothing": 0, "null": None}
NOT_MOMENTS = (
    "yesterday",
    "2026-13-01T00:00Z",
    "0000-00-00",
    "2026-01-01T00:00+99:99",
    "9" * 400,
    "2026-01-01",
    "\u202e2026-01-01T00:00Z",
    "0001-01-01T00:00+23:59",
    "9999-12-31T23:59-23:59",
)
ODD = NO_VALUES | TEXTS | {"7": 7, "null": None}


def cases() -> Iterator[Case]:
    """Yield every hostile batch of events."""
    case = partial(Case, Intake.EVENTS)
    for name, value in ODD.items():
        yield case(Wrong.TYPE, f"an event that is {name}", _batch(value))
        yield case(Wrong.TYPE, f"the id is {name}", _batch({"id": value, "kind": "seen", "epoch": 1}))
        yield case(Wrong.TYPE, f"the kind is {name}", _event(name, kind=value))
        yield case(Wrong.TYPE, f"the stage is {name}", _event(name, kind="stage", epoch=1, value=value))
        yield case(Wrong.TYPE, f"the mark is {name}", _event(name, kind="arousal", epoch=1, value=value))
        if value is not None:
            yield case(Wrong.TYPE, f"undoes {name}", _event(name, kind="undo", target=value))
            yield case(Wrong.TYPE, f"happened {name}", _event(name, kind="seen", epoch=1, at=value))
            yield case(Wrong.TYPE, f"lights off at {name}", _event(name, kind="lights_off", seconds=[value]))
        for kind in ("stage", "seen", "comment"):
            yield case(
                Wrong.TYPE, f"{kind} of epoch {name}, in a list", _event(name, kind=kind, epoch=[value])
            )
    for name, value in NOT_EPOCHS.items():
        for kind in ("stage", "seen", "comment", "arousal", "artefact"):
            more = {"value": "W"} if kind == "stage" else {}
            yield case(Wrong.NUMBER, f"{kind} of epoch {name}", _event(name, kind=kind, epoch=value, **more))
    for kind in ("lights_off", "lights_on"):
        for name, value in NOT_SECONDS.items():
            yield case(Wrong.NUMBER, f"{kind} at {name}", _event(name, kind=kind, seconds=value))
    for kind in ("arousal", "artefact"):
        for name, value in NOT_SECONDS.items():
            begins = _event(name, kind=kind, onset_s=value, duration_s=3)
            yield case(Wrong.NUMBER, f"{kind} begins {name}", begins)
        for name, value in NOT_LENGTHS.items():
            lasts = _event(name, kind=kind, onset_s=30, duration_s=value)
            yield case(Wrong.NUMBER, f"{kind} lasts {name}", lasts)
    for said in NOT_MOMENTS:
        yield case(Wrong.NUMBER, f"at {said!a:.40}", _event(said, kind="seen", epoch=1, at=said))
    yield case(
        Wrong.HUGE, "a comment of 2,001 letters", _event("long", kind="comment", epoch=1, text="x" * 2001)
    )
    yield from _whole()


def _whole() -> Iterator[Case]:
    """Batches that are refused whole."""
    case = partial(Case, Intake.EVENTS)
    for name, body in BODIES.items():
        yield case(Wrong.DAMAGED, f"{name} for a body", partial(bytes, body))
    yield case(Wrong.EMPTY, "no events", _body(events=[]))
    seen = {"id": _id("many"), "kind": "seen", "epoch": 1}
    yield case(Wrong.HUGE, "501 events", _body(events=[seen] * 501))
    for name, value in ODD.items():
        if name not in ("an empty list", "null"):
            yield case(
                Wrong.TYPE,
                f"the events are {name}",
                _body(events=value if not isinstance(value, list) else 1.5),
            )
            yield case(Wrong.TYPE, f"the scoring is {name}, in a list", _body(scoring=[value], events=[seen]))
        if value not in (None, 7, True, "１２"):
            yield case(Wrong.TYPE, f"the base is {name}", _body(base=value, events=[seen]))


def _event(seed: str, **fields: Any) -> partial[bytes]:
    return _batch({"id": _id(f"{seed}{sorted(fields)}{fields.get('kind')!s:.20}")} | fields)


def _id(seed: str) -> str:
    return str(uuid5(NAMESPACE_URL, seed.encode("utf-8", "replace").decode()))


def _batch(event: Any) -> partial[bytes]:
    return _body(events=[event])


def _body(**fields: Any) -> partial[bytes]:
    return partial(_json, {"scoring": None, "base": 0, "window": "w"} | fields)


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()

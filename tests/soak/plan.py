"""What a soak sends and what it kills, all of it from one number: the seed."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone
from PIL import Image

from ml.algorithms.chest_xray.simulate import film
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from tests.chest_phantom import phantom
from tests.sleep_files import Channel, recording

STUDIES_PER_EVENT = 4
# By weight: a form takes no time, an image a second, a recording several.
KINDS = {"form": 50, "image": 20, "recording": 12, "broken image": 6, "broken recording": 6, "sent twice": 6}
EVENTS = {
    "pool child killed": 5,
    "worker killed": 4,
    "broker killed": 3,
    "broker hung": 2,
    "web server killed": 3,
    "watch killed": 2,
    "sealer killed": 2,
    "database held or cut": 3,
    "disk full": 3,
    "clock set forward": 2,
    "clock set back": 2,
    "messages sent twice": 3,
    "everything killed": 1,
}
WORKERS = ("tabular", "imaging", "signals")
ALGORITHM = {"form": "haemorrhage", "image": "chest_xray", "recording": "sleep"}


@dataclass(frozen=True, slots=True)
class Sending:
    """One study to send.

    Parameters
    ----------
    number
        From 0; with the seed it gives the idempotency key.
    kind
        One of :data:`KINDS`.
    seed
        Of its content.
    """

    number: int
    kind: str
    seed: int

    @property
    def algorithm(self) -> str:
        """Which algorithm is asked."""
        return ALGORITHM[self.kind.removeprefix("broken ").replace("sent twice", "form")]

    def content(self, ahead: float) -> dict[str, Any]:
        """Return what is sent: ``values`` of a form, or ``file`` with its name.

        Parameters
        ----------
        ahead
            Seconds by which the clock of the product is ahead.
        """
        made = MAKERS[self.kind](self.seed, ahead)
        return {"values": made} if isinstance(made, dict) else {"file": made}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that goes wrong after ``after`` studies were sent."""

    number: int
    after: int
    what: str
    worker: str
    seed: int


def sendings(seed: int, studies: int) -> list[Sending]:
    """Return the studies of a soak, the same for the same seed."""
    chance = random.Random(f"studies {seed}")
    kinds = chance.choices(list(KINDS), list(KINDS.values()), k=studies)
    return [Sending(number, kind, chance.randrange(1 << 30)) for number, kind in enumerate(kinds)]


def happenings(seed: int, studies: int) -> list[Happening]:
    """Return what goes wrong during a soak: every kind of it, however small, before any a second time."""
    chance = random.Random(f"events {seed}")
    count = max(studies // STUDIES_PER_EVENT, len(EVENTS))
    apart = studies / count
    first = chance.sample(list(EVENTS), len(EVENTS))
    more = chance.choices(list(EVENTS), list(EVENTS.values()), k=count)
    return [
        Happening(number, int(apart * (number + chance.random())), what, chance.choice(WORKERS),
                  chance.randrange(1 << 30))
        for number, what in enumerate([*first, *more][:count])
    ]  # fmt: skip


def _form(seed: int, ahead: float) -> dict[str, Any]:
    return as_of(EXAMPLES[seed % len(EXAMPLES)], timezone.now() + timedelta(seconds=ahead))


def _image(seed: int, ahead: float) -> bytes:
    """Return a simulated film, or a phantom that the gate refuses."""
    stream = io.BytesIO()
    Image.fromarray(phantom(seed=seed) if seed % 4 == 0 else film(seed=seed)).save(stream, "PNG")
    return stream.getvalue()


def _recording(seed: int, ahead: float) -> bytes:
    channels = [Channel(label, 100) for label in ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")]
    noted = ((0, f"recording {seed}"),)
    return recording(channels, records=600 + seed % 300, notes=noted)


def _half(whole: Callable[[int, float], bytes]) -> Callable[[int, float], bytes]:
    def broken(seed: int, ahead: float) -> bytes:
        content = whole(seed, ahead)
        return content[: len(content) // 2 + seed % 1000]

    return broken


MAKERS: dict[str, Callable[[int, float], Any]] = {
    "form": _form,
    "sent twice": _form,
    "image": _image,
    "recording": _recording,
    "broken image": _half(_image),
    "broken recording": _half(_recording),
}

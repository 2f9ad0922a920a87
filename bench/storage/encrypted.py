"""Ours: chunks of AES-256-GCM under a key of the file."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from bench.measuring import Samples, cpu_ms
from bench.storage.night import BLOCK, MEBIBYTE, PAGE, PLACES, SIZE
from predictions.storage import Received, storage


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds to take a recording in, to lend it, and per page of it."""
    settings.PRIVATE_ROOT = folder / "private"

    def take_in() -> str:
        received = Received(limit=SIZE)
        for _ in range(SIZE // MEBIBYTE):
            received.write(BLOCK)
        return storage.adopt(received, "uploads")

    name = take_in()

    def lend() -> None:
        with storage.local(name):
            pass

    def page() -> None:
        with storage.open(name) as stream:
            for place in PLACES:
                stream.seek(place)
                stream.read(PAGE)

    taken = cpu_ms(lambda: storage.discard(take_in()), repeats)
    pages = cpu_ms(page, repeats)
    return {
        "take_in_cpu_ms": taken,
        "lend_cpu_ms": cpu_ms(lend, repeats),
        "page_cpu_ms": [spent / len(PLACES) for spent in pages],
    }

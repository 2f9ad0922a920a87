"""The least: a plain file, hashed while it is written, as it was kept before."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from bench.measuring import Samples, cpu_ms
from bench.storage.night import BLOCK, MEBIBYTE, PAGE, PLACES, SIZE


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds to write a recording, to read it through, and per page of it."""
    path = folder / "plain"

    def take_in() -> None:
        digest = hashlib.sha256()
        with path.open("wb") as stream:
            for _ in range(SIZE // MEBIBYTE):
                digest.update(BLOCK)
                stream.write(BLOCK)
            stream.flush()
            os.fsync(stream.fileno())

    def read() -> None:
        with path.open("rb") as stream:
            while stream.read(MEBIBYTE):
                pass

    def page() -> None:
        with path.open("rb") as stream:
            for place in PLACES:
                stream.seek(place)
                stream.read(PAGE)

    taken = cpu_ms(take_in, repeats)
    pages = cpu_ms(page, repeats)
    return {
        "take_in_cpu_ms": taken,
        "read_cpu_ms": cpu_ms(read, repeats),
        "page_cpu_ms": [spent / len(PLACES) for spent in pages],
    }

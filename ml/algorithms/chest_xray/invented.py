"""Drawn images for the test bench: a film that the gate takes, and a test object that it must refuse."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ml.algorithms.chest_xray import phantom, simulate
from ml.contracts import Source
from ml.identity import Identity
from ml.invented import Invented

TAKEN_AT = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
SHADOW = 0.8


def film(folder: Path, seed: int) -> Invented:
    """Draw a frontal film; every other one has a shadow in the right lower zone."""
    path, opacity = folder / "film.dcm", SHADOW * (seed % 2)
    simulate.write_film(path, identity=Identity(), taken_at=TAKEN_AT, seed=seed, opacity=opacity)
    return Invented(Source(path=path), {"opacity": opacity})


def phantom_image(folder: Path, seed: int) -> Invented:
    """Draw the test object of a detector."""
    path = folder / "phantom.png"
    phantom.write(path, seed=seed)
    return Invented(Source(path=path))


MAKERS = {"drawn_film": film, "phantom_image": phantom_image}

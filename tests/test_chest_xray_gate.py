"""Writing burnt into the pixels: over the lungs it refuses, beside them it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ml import package as packages
from ml.algorithms.chest_xray import gate
from ml.algorithms.chest_xray.view import square
from tests.chest_phantom import phantom


@dataclass(frozen=True)
class Silent:
    """Activations of an image that no head speaks against."""

    gate: dict[str, float]
    distance: float = 0.0


def codes(image: Image.Image) -> set[str]:
    grey = np.asarray(image, dtype=np.float32)
    silent = Silent(dict.fromkeys(gate.HEADS, -1e3))
    limits = packages.load("chest_xray").json("gate.json")
    return {problem.code for problem in gate.judge(grey, square(grey), silent, limits, age_known=True)}


def chest(written: str = "", at: tuple[int, int] = (0, 0), size: int = 48) -> Image.Image:
    image = Image.fromarray(phantom()).resize((1200, 1000), Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).text(at, written, fill=255, font_size=size)
    return image


@pytest.mark.parametrize("size", [40, 64, 96])
@pytest.mark.parametrize("at", [(200, 350), (660, 500)])
def test_writing_over_a_lung_refuses(size: int, at: tuple[int, int]) -> None:
    assert codes(chest("SUPINE 65 kV 12:40", at, size)) == {"burnt_over"}


@pytest.mark.parametrize(
    ("written", "at"), [("", (0, 0)), ("R", (40, 40)), ("L  AP", (950, 30)), ("EXEMPLE 04/2022", (30, 930))]
)
def test_markers_beside_the_lungs_do_not_refuse(written: str, at: tuple[int, int]) -> None:
    assert codes(chest(written, at)) == set()


def test_tubes_and_wires_across_the_lungs_do_not_refuse() -> None:
    image = chest()
    pen = ImageDraw.Draw(image)
    pen.line([(300, 200), (420, 500), (380, 800)], fill=255, width=7)
    pen.line([(800, 150), (760, 450), (900, 700)], fill=255, width=7)
    pen.ellipse((340, 300, 380, 340), outline=255, width=6)
    assert codes(image) == set()

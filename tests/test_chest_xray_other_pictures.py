"""Photographs, microscopy, pages and patterns must never get a figure: what scikit-image carries, in grey."""

from __future__ import annotations

from pathlib import Path

import pytest
import skimage
from PIL import Image

from ml import package as packages
from ml.algorithms.chest_xray.load import load
from ml.contracts import Refused, Source

SHORTEST = 512
PICTURES = sorted(
    path for path in (Path(skimage.__file__).parent / "data").iterdir() if path.suffix in (".png", ".jpg")
)


def test_there_are_pictures() -> None:
    assert len(PICTURES) >= 20


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_a_picture_of_something_else_is_refused(path: Path, tmp_path: Path) -> None:
    # Grey and large enough, so that neither colour nor size refuses it: only what it shows can.
    with Image.open(path) as image:
        grey = image.convert("L")
    factor = max(1.0, SHORTEST / min(grey.size))
    sent = tmp_path / "film.png"
    grey.resize([round(side * factor) for side in grey.size]).save(sent)
    with pytest.raises(Refused) as refused:
        load(Source(path=sent), packages.load("chest_xray"))
    assert not refused.value.answer["gate"]["accepted"]
    assert "probability" not in refused.value.answer

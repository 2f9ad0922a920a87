"""JPEG and PNG of any kind and size: upright, flattened, and within the memory of a worker."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path
from struct import pack

import numpy as np
import pytest
from PIL import ExifTags, Image

from ml.algorithms.chest_xray import display, raster
from ml.algorithms.chest_xray.view import SIDE, square
from tests.chest_phantom import phantom
from tests.hostile.pictures import PNG_MAGIC, chunk

ROOT = Path(__file__).resolve().parent.parent
DRAWN = phantom(120, 150)
MEBIBYTES = 450
"""Of a worker that reads the largest image taken, all in all."""
# Its own peak: ru_maxrss would keep that of the process that started it.
READ = """
import sys
from pathlib import Path
from bench.measuring import memory_mib
from ml import package
from ml.algorithms.chest_xray import image
found = image.read(Path(sys.argv[1]), 0, package.load("chest_xray"), {}, keep_refused=False)
assert [reason.code for reason in found.reasons] == ["blank"]
print(int(memory_mib()))
"""


@pytest.fixture
def small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every picture worked on in many strips, the last one shorter."""
    monkeypatch.setattr(display, "STRIP_PIXELS", 7 * DRAWN.shape[1])


def saved(image: Image.Image, folder: Path, **more: object) -> Path:
    path = folder / "film.png"
    image.save(path, **more)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_a_grey_image_is_the_same_in_every_mode(mode: str, small_strips: None, tmp_path: Path) -> None:
    picture = raster.read(saved(Image.fromarray(DRAWN).convert(mode), tmp_path))
    assert np.array_equal(picture.grey, DRAWN)
    assert np.array_equal(picture.numbers.given, DRAWN)
    assert picture.reasons == ()


def test_sixteen_bits_are_stretched_over_their_own_range(small_strips: None, tmp_path: Path) -> None:
    deep = DRAWN.astype(np.uint16) * 100 + 3000
    picture = raster.read(saved(Image.fromarray(deep), tmp_path))
    expected = (deep - deep.min()) * (255.0 / np.ptp(deep))
    assert np.abs(picture.grey - expected).max() < 0.01
    assert np.array_equal(picture.numbers.given, deep)


def test_what_is_transparent_is_black(small_strips: None, tmp_path: Path) -> None:
    image = Image.fromarray(DRAWN).convert("RGBA")
    image.paste((255, 255, 255, 0), (0, 0, 150, 40))
    grey = raster.read(saved(image, tmp_path)).grey
    assert (grey[:40] == 0).all()
    assert np.array_equal(grey[40:], DRAWN[40:])


def test_colour_is_found_wherever_it_is(small_strips: None, tmp_path: Path) -> None:
    image = Image.fromarray(DRAWN).convert("RGB")
    image.paste((200, 20, 20), (0, 118, 80, 120))
    assert raster.read(saved(image, tmp_path)).reasons == ()
    image.paste((200, 20, 20), (0, 116, 150, 120))
    assert [reason.code for reason in raster.read(saved(image, tmp_path)).reasons] == ["colour_image"]


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_an_image_is_turned_as_the_camera_was_held(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(DRAWN) if mode != "I;16" else Image.fromarray(DRAWN.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    plain = raster.read(saved(image.convert(mode), tmp_path)).grey
    turned = raster.read(saved(image.convert(mode), tmp_path, exif=exif)).grey
    assert np.array_equal(turned, np.rot90(plain, -1))


def test_the_square_is_the_same_however_many_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.random.default_rng(0).uniform(0, 255, (701, 503)).astype(np.float32)
    whole = square(grey)
    monkeypatch.setattr(display, "STRIP_PIXELS", 13 * 503)
    assert whole.shape == (SIDE, SIDE)
    assert np.array_equal(square(grey), whole)


@pytest.mark.parametrize(("kind", "samples"), [(6, 4), (0, 1)], ids=["RGBA", "grey"])
def test_the_largest_image_of_sixteen_bits_fits_a_worker(kind: int, samples: int, tmp_path: Path) -> None:
    width, height = 6600, 6000
    packed, row = zlib.compressobj(1), bytes(1 + width * samples * 2)
    rows = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    header = chunk(b"IHDR", pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    path = tmp_path / "film.png"
    path.write_bytes(PNG_MAGIC + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    done = subprocess.run(
        [sys.executable, "-c", READ, path], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MEBIBYTES

"""An image scores the same however its pixels are stored: through file, decoder, view and network."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from ml import runner
from ml.algorithms.chest_xray.load import view_of
from ml.contracts import Source, Status
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg
from tests.dicom_encodings import LOSSLESS, LOSSY, SYNTAXES, stored_as, written
from tests.machine import SHARED

ORIGINALS = SHARED / "chest_xray" / "originals"
REAL = SHARED / "chest_xray" / "dicom" / "nih_dx_no_finding.dcm"
DEPTHS = (8, 12, 16)
POLARITIES = ("MONOCHROME1", "MONOCHROME2")
EIGHT = (
    ("explicit", 8, "MONOCHROME1"),
    ("explicit", 12, "MONOCHROME2"),
    ("explicit", 16, "MONOCHROME1"),
    ("JPEG baseline", 8, "MONOCHROME2"),
    ("JPEG lossless", 12, "MONOCHROME1"),
    ("JPEG-LS", 12, "MONOCHROME2"),
    ("JPEG 2000", 16, "MONOCHROME2"),
    ("RLE", 8, "MONOCHROME2"),
)


def probability(path: Path, *, gate: bool = False) -> float:
    """Return the answer for a file; without the gate whatever it thinks of a drawing or of an adult."""
    options = {} if gate else {"no_gate": True, "allow_secondary_capture": True}
    outcome = runner.run("chest_xray", Source(path=path, options=options), explain=False)
    assert outcome.status is Status.OK
    return outcome.result["probability"]


def odds(path: Path) -> float:
    """Return the logarithm of the odds, which tells a near 0 or 1 from another one."""
    share = probability(path)
    return math.log(share / (1 - share))


@pytest.fixture(scope="module")
def drawing() -> Dataset:
    """Return an invented image, 8 bits, as a detector writes it."""
    return dx_from_jpeg(phantom(), name="", record_number="", birth_date=None, sex="")


@pytest.fixture(scope="module")
def plain(drawing: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str], Path]:
    """Return the uncompressed file of every bit depth and polarity."""
    folder = tmp_path_factory.mktemp("plain")
    return {
        (bits, photometric): written(
            stored_as(drawing, bits=bits, photometric=photometric),
            SYNTAXES["explicit"],
            folder / f"{bits}-{photometric}.dcm",
        )
        for bits in DEPTHS
        for photometric in POLARITIES
    }


@pytest.fixture(scope="module")
def expected(plain: dict[tuple[int, str], Path]) -> dict[tuple[int, str], float]:
    """Return the log odds of each of them."""
    return {stored: odds(path) for stored, path in plain.items()}


@pytest.mark.parametrize("photometric", POLARITIES)
@pytest.mark.parametrize("bits", DEPTHS)
@pytest.mark.parametrize("coding", [coding for coding in LOSSLESS if coding != "explicit"])
def test_what_loses_nothing_changes_nothing(
    drawing: Dataset, expected: dict, coding: str, bits: int, photometric: str, tmp_path: Path
) -> None:
    image = stored_as(drawing, bits=bits, photometric=photometric)
    found = odds(written(image, LOSSLESS[coding], tmp_path / "image.dcm"))
    assert found == pytest.approx(expected[bits, photometric], abs=1e-6)


def test_depth_and_polarity_show_the_same_image(plain: dict) -> None:
    least = view_of(plain[8, "MONOCHROME2"]).astype(float)
    for stored, path in plain.items():
        assert np.abs(view_of(path) - least).mean() < 0.1, stored
        assert probability(path) == pytest.approx(probability(plain[8, "MONOCHROME2"]), abs=0.01), stored


@pytest.mark.parametrize("bits", DEPTHS)
@pytest.mark.parametrize("coding", [coding for coding in LOSSY if coding != "JPEG baseline"])
def test_what_loses_something_stays_near(
    drawing: Dataset, plain: dict, coding: str, bits: int, tmp_path: Path
) -> None:
    near(drawing, plain, LOSSY[coding], bits, tmp_path)


def test_jpeg_baseline_stays_near(drawing: Dataset, plain: dict, tmp_path: Path) -> None:
    near(drawing, plain, LOSSY["JPEG baseline"], 8, tmp_path)


def near(drawing: Dataset, plain: dict, syntax: str, bits: int, folder: Path) -> None:
    """Check grey levels too: how far a score follows them depends on how undecided it is."""
    image = stored_as(drawing, bits=bits, photometric="MONOCHROME1")
    path, lossless = written(image, syntax, folder / "image.dcm"), plain[bits, "MONOCHROME1"]
    assert np.abs(view_of(path).astype(float) - view_of(lossless)).mean() < 0.5
    assert probability(path) == pytest.approx(probability(lossless), abs=0.01)


@pytest.mark.shared
def test_the_real_dicom_image_scores_the_same_in_eight_encodings(tmp_path: Path) -> None:
    scores_the_same(dcmread(REAL), probability(REAL), tmp_path, gate=False)


@pytest.mark.shared
def test_a_child_s_film_passes_the_gate_and_scores_the_same_in_eight_encodings(tmp_path: Path) -> None:
    film = min(ORIGINALS.glob("*.jpeg"), key=lambda path: path.stat().st_size)
    scores_the_same(dx_from_jpeg(film), probability(film, gate=True), tmp_path, gate=True)


def scores_the_same(image: Dataset, expected: float, folder: Path, *, gate: bool) -> None:
    for coding, bits, photometric in EIGHT:
        stored = stored_as(image, bits=bits, photometric=photometric)
        found = probability(written(stored, SYNTAXES[coding], folder / "image.dcm"), gate=gate)
        assert found == pytest.approx(expected, abs=0.01), (coding, bits, photometric)

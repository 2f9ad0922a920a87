"""Odd but real ways of storing pixels: each gives the right image, or a sentence, never a wrong image."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless

from ml.algorithms.chest_xray import dicom
from ml.contracts import Refused
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg, write

DRAWN = phantom(120, 140)
HALF = 2**11
ITEM = b"\xfe\xff\x00\xe0"


def twelve_bits() -> Dataset:
    """Return the drawing in 12 of 16 bits, under a window over all of them."""
    return dx_from_jpeg(DRAWN, bits=12)


def grey(dataset: Dataset, folder: Path) -> np.ndarray:
    return dicom.read(write(dataset, folder / "image.dcm")).grey


def signed(dataset: Dataset) -> None:
    """Store the values around zero, as two's complement in all 16 bits."""
    dataset.PixelData = (dataset.pixel_array.astype(np.int32) - HALF).astype(np.int16).tobytes()
    dataset.PixelRepresentation, dataset.WindowCenter = 1, 0


def signed_in_twelve_bits(dataset: Dataset) -> None:
    """Store negative values without carrying their sign into the four unused bits."""
    values = (dataset.pixel_array.astype(np.int32) - HALF) & 0xFFF
    dataset.PixelData = values.astype(np.uint16).tobytes()
    dataset.PixelRepresentation, dataset.WindowCenter = 1, 0


def signed_rescaled(dataset: Dataset) -> None:
    signed(dataset)
    dataset.RescaleSlope, dataset.RescaleIntercept = 0.5, 10
    dataset.WindowCenter, dataset.WindowWidth = 10, dataset.WindowWidth / 2


def overlay_in_unused_bits(dataset: Dataset) -> None:
    """Put bits that are no part of the image into the four above it, as old overlays did."""
    values = dataset.pixel_array
    rubbish = np.random.default_rng(0).integers(0, 16, values.shape).astype(np.uint16) << 12
    dataset.PixelData = (values | rubbish).tobytes()


def overlay_plane(dataset: Dataset) -> None:
    """Add a full overlay plane of its own."""
    rows, columns = dataset.Rows, dataset.Columns
    dataset.add_new(0x60000010, "US", rows)
    dataset.add_new(0x60000011, "US", columns)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 1])
    dataset.add_new(0x60000100, "US", 1)
    dataset.add_new(0x60000102, "US", 0)
    dataset.add_new(0x60003000, "OW", b"\xff" * (rows * columns // 8))


def thirty_two_bits(dataset: Dataset) -> None:
    dataset.PixelData = dataset.pixel_array.astype(np.uint32).tobytes()
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 32, 32, 31


def exactly_linear(dataset: Dataset) -> None:
    dataset.VOILUTFunction = "LINEAR_EXACT"
    dataset.WindowCenter, dataset.WindowWidth = 4095 / 2, 4095


def several_windows(dataset: Dataset) -> None:
    """Offer a second, useless window: the first one is what the image is shown by."""
    dataset.WindowCenter, dataset.WindowWidth = [dataset.WindowCenter, 10], [dataset.WindowWidth, 4]


@pytest.mark.parametrize(
    "change",
    [
        signed, signed_in_twelve_bits, signed_rescaled, overlay_in_unused_bits, overlay_plane,
        thirty_two_bits, exactly_linear, several_windows,
    ],
)  # fmt: skip
def test_it_shows_the_same_image(change: Callable[[Dataset], None], tmp_path: Path) -> None:
    dataset = twelve_bits()
    change(dataset)
    assert np.abs(grey(dataset, tmp_path) - DRAWN).max() < 0.2


def test_a_sigmoid_is_that_of_the_standard(tmp_path: Path) -> None:
    dataset = twelve_bits()
    dataset.VOILUTFunction, dataset.WindowCenter, dataset.WindowWidth = "SIGMOID", 1800, 900
    expected = 255 / (1 + np.exp(-4 * (dataset.pixel_array.astype(float) - 1800) / 900))
    assert np.abs(grey(dataset, tmp_path) - expected).max() < 0.01


@pytest.mark.parametrize("negative", [False, True])
def test_padding_takes_no_part_in_the_range_of_an_image_without_a_window(
    negative: bool, tmp_path: Path
) -> None:
    dataset = twelve_bits()
    values = np.clip(dataset.pixel_array.astype(np.int32), 400, 3000)
    expected = (values - values.min()) * (255 / np.ptp(values))
    values[:6], values[6:9] = 4095, 4090
    if negative:
        values, dataset.PixelRepresentation = HALF - values, 1
        expected = 255 - expected
    dataset.PixelData = values.astype(np.int16).tobytes()
    ends = (HALF - 4095, HALF - 4090) if negative else (4095, 4090)
    dataset.PixelPaddingValue, dataset.PixelPaddingRangeLimit = ends
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        dataset[keyword].VR = "SS" if negative else "US"
    del dataset.WindowCenter, dataset.WindowWidth
    assert np.abs(grey(dataset, tmp_path)[9:] - expected[9:]).max() < 0.1


def test_pixels_that_are_not_square_are_told(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(DRAWN[::2])
    dataset.PixelAspectRatio = [2, 1]
    picture = dicom.read(write(dataset, tmp_path / "image.dcm"))
    assert (picture.grey.shape, picture.aspect) == ((60, 140), 2.0)


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("table", [True, False], ids=["offset table", "no offset table"])
def test_a_frame_in_several_fragments_is_put_together(syntax: str, table: bool, tmp_path: Path) -> None:
    dataset = dx_from_jpeg(DRAWN, transfer_syntax=syntax)
    whole = grey(dataset, tmp_path)
    [frame] = generate_frames(dataset.PixelData, number_of_frames=1)
    dataset.PixelData = encapsulate([frame], fragments_per_frame=5, has_bot=table)
    assert np.array_equal(grey(dataset, tmp_path), whole)


def test_fragments_of_odd_length_are_read_as_they_are(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(DRAWN, transfer_syntax=JPEGLSLossless)
    [frame] = generate_frames(dataset.PixelData, number_of_frames=1)
    parts = (frame[:101], frame[101:])
    items = b"".join(ITEM + struct.pack("<I", len(part)) + part for part in parts)
    dataset.PixelData = ITEM + bytes(4) + items
    assert np.abs(grey(dataset, tmp_path) - DRAWN).max() < 0.01


def high_bit_at_the_top(dataset: Dataset) -> None:
    """Store the value in the upper bits, which the standard no longer allows."""
    dataset.PixelData = (dataset.pixel_array << 4).astype(np.uint16).tobytes()
    dataset.HighBit = 15


def more_stored_than_allocated(dataset: Dataset) -> None:
    dataset.BitsStored, dataset.HighBit = 20, 19


def no_bits_stored(dataset: Dataset) -> None:
    del dataset.BitsStored


def no_width(dataset: Dataset) -> None:
    dataset.WindowWidth = 0


def too_few_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (high_bit_at_the_top, "high_bit"),
        (more_stored_than_allocated, "pixels_unreadable"),
        (no_bits_stored, "pixels_unreadable"),
        (no_width, "pixels_unreadable"),
        (too_few_pixels, "pixels_unreadable"),
    ],
)
def test_what_cannot_be_shown_right_is_refused(
    change: Callable[[Dataset], None], reason: str, tmp_path: Path
) -> None:
    dataset = twelve_bits()
    change(dataset)
    with pytest.raises(Refused) as caught:
        grey(dataset, tmp_path)
    assert [problem.code for problem in caught.value.problems] == [reason]


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        (b"1.2.840.10008.1.2.2\0", {"no_pixel_data", "modality"}),
        (b"1.2.840.10008.1.2.5\0", {"pixels_unreadable"}),
        (b"", {"pixels_unreadable"}),
    ],
    ids=["big endian", "RLE", "nothing"],
)
def test_a_transfer_syntax_that_is_missing_or_not_true_is_refused(
    said: bytes, reasons: set[str], tmp_path: Path
) -> None:
    path = write(twelve_bits(), tmp_path / "image.dcm")
    content, element = path.read_bytes(), b"\x02\0\x10\0UI\x14\0" + b"1.2.840.10008.1.2.1\0"
    assert content.count(element) == 1
    if said:
        path.write_bytes(content.replace(element, element[:8] + said))
    else:
        # Without the element the group of the file meta is shorter, as its first element says.
        length = int.from_bytes(content[140:144], "little") - len(element)
        path.write_bytes(content[:140] + length.to_bytes(4, "little") + content[144:].replace(element, b""))
    with pytest.raises(Refused) as caught:
        dicom.read(path)
    assert {problem.code for problem in caught.value.problems} == reasons

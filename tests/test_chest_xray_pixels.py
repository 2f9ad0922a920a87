"""Odd but real ways of storing pixels: each gives the right image, or a sentence, never a wrong image."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless

from ml.algorithms.chest_xray import dicom
from ml.algorithms.chest_xray.pixels import FULL
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


def written_as_text(dataset: Dataset, keyword: str, text: str, folder: Path) -> Path:
    """Write a file in which an element holds this text, whatever its type demands."""
    tag, demanded = tag_for_keyword(keyword), dictionary_VR(keyword).encode()
    dataset[tag] = DataElement(tag, "LO", text)
    path = write(dataset, folder / "image.dcm")
    element = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    path.write_bytes(path.read_bytes().replace(element + b"LO", element + demanded, 1))
    return path


@pytest.mark.parametrize("keyword", ["WindowWidth", "WindowCenter"])
@pytest.mark.parametrize("text", ["NaN", "1e400", "wide", ""])
def test_a_window_that_cannot_be_used_is_left_out_with_a_warning(
    keyword: str, text: str, tmp_path: Path
) -> None:
    check_full_range(written_as_text(twelve_bits(), keyword, text, tmp_path))


@pytest.mark.parametrize("width", ["0", "-5", "0.5"])
def test_a_window_that_shows_nothing_is_left_out_with_a_warning(width: str, tmp_path: Path) -> None:
    check_full_range(written_as_text(twelve_bits(), "WindowWidth", width, tmp_path))


def check_full_range(path: Path) -> None:
    """The picture and a viewer's first window go over all values, and the result says why."""
    picture, ends = dicom.read(path), (DRAWN.min(), DRAWN.max())
    expected = (DRAWN - ends[0]) * (255 / (ends[1] - ends[0]))
    assert np.abs(picture.grey - expected).max() < 0.2
    assert picture.numbers.default.label == FULL
    assert [warning.code for warning in picture.warnings] == ["window_unusable"]


def test_a_useless_window_is_of_no_matter_beside_a_lookup_table(tmp_path: Path) -> None:
    dataset, table = twelve_bits(), Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 16], [16 * value for value in range(4096)]
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    dataset.VOILUTSequence, dataset.WindowWidth = [table], 0
    assert dicom.read(write(dataset, tmp_path / "image.dcm")).warnings == ()


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("text", ["NaN", "1e400", "steep", "1e38", "1\\2", ""])
def test_a_rescale_that_is_no_number_has_a_sentence_of_its_own(
    keyword: str, text: str, tmp_path: Path
) -> None:
    dataset = twelve_bits()
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    path = written_as_text(dataset, keyword, text, tmp_path)
    if text == "1e38" and keyword == "RescaleIntercept":
        assert dicom.read(path)
        return
    with pytest.raises(Refused) as caught:
        dicom.read(path)
    assert [problem.code for problem in caught.value.problems] == ["rescale_unusable"]


@pytest.mark.parametrize(
    ("keyword", "text", "code"),
    [
        ("PatientBirthDate", "2022AB99", "birth_date_unreadable"),
        ("PatientBirthDate", "20221399", "birth_date_unreadable"),
        ("PatientAge", "ABCD", "age_unreadable"),
        ("PatientAge", "004Y\\042Y", "age_unreadable"),
        ("PatientSex", "FILLE", "sex_unreadable"),
    ],
)
def test_what_cannot_be_read_of_the_patient_is_named_and_never_quoted(
    keyword: str, text: str, code: str, tmp_path: Path
) -> None:
    dataset = twelve_bits()
    dataset.StudyDate = ""
    picture = dicom.read(written_as_text(dataset, keyword, text, tmp_path))
    [warning] = picture.warnings
    assert warning.code == code
    assert keyword in warning.message.en
    assert keyword in warning.message.fr
    assert text not in warning.message.en + warning.message.fr
    assert picture.age_years == (None if keyword == "PatientAge" else 4)


def test_a_file_cut_in_its_header_is_told_to_be_cut_and_nothing_else(tmp_path: Path) -> None:
    dataset = twelve_bits()
    dataset.PatientAge, dataset.ViewPosition = "042M", "PA"
    path = write(dataset, tmp_path / "image.dcm")
    whole = path.read_bytes()
    before = whole.index(struct.pack("<HH", 0x7FE0, 0x0010))
    for kept in range(132, before, 3):
        path.write_bytes(whole[:kept])
        with pytest.raises(Refused) as caught:
            dicom.read(path)
        codes = [problem.code for problem in caught.value.problems]
        assert codes in (["no_pixel_data"], ["dicom_damaged"]), kept
        found = caught.value.identity
        assert not found or found.record_number in ("", dataset.PatientID)


def too_few_pixels(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (high_bit_at_the_top, "high_bit"),
        (more_stored_than_allocated, "pixels_unreadable"),
        (no_bits_stored, "pixels_unreadable"),
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
        (b"1.2.840.10008.1.2.2\0", {"no_pixel_data"}),
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

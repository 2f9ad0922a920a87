"""DICOM as detectors write it, as PACS compress it, and as nobody should send it."""

from __future__ import annotations

import logging
import zlib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from ml.algorithms.chest_xray import dicom, display, raster
from ml.algorithms.chest_xray.picture import Picture
from ml.contracts import Refused
from tests.chest_phantom import phantom
from tests.dicom_builder import SECONDARY_CAPTURE, dx_from_jpeg, write


def read(dataset: Dataset, folder: Path, **options: bool) -> Picture:
    return dicom.read(write(dataset, folder / "image.dcm"), **options)


def codes(dataset: Dataset, folder: Path) -> list[str]:
    """Codes of every reason, whether or not the pixels could be had."""
    try:
        return [reason.code for reason in read(dataset, folder).reasons]
    except Refused as refused:
        return [problem.code for problem in refused.problems]


def test_monochrome1_is_inverted_after_the_window(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom(), bits=12, photometric="MONOCHROME1")
    dataset.WindowCenter, dataset.WindowWidth = 3000, 1000
    grey = read(dataset, tmp_path).grey
    stored = dataset.pixel_array.astype(float)
    assert (grey[stored >= 3500] == 0).all()
    assert (grey[stored <= 2499] == 255).all()


def test_a_voi_lut_goes_before_the_window(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom(), bits=12)
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4096, 0, 16], [65535 if v > 2000 else 0 for v in range(4096)]
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    dataset.VOILUTSequence = [table]
    grey = read(dataset, tmp_path).grey
    assert set(np.unique(grey)) == {0.0, 255.0}
    assert ((grey == 255) == (dataset.pixel_array > 2000)).all()


def test_working_in_strips_changes_no_grey_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = dx_from_jpeg(phantom(), bits=12, photometric="MONOCHROME1")
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.37", -100
    for window in ((600, 900), (None, None)):
        dataset.WindowCenter, dataset.WindowWidth = window
        whole = read(dataset, tmp_path).grey
        with monkeypatch.context() as small:
            small.setattr(display, "STRIP_PIXELS", 7 * 560)
            assert (read(dataset, tmp_path).grey == whole).all()


def test_rescale_comes_before_the_window(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom(), bits=12)
    plain = read(dataset, tmp_path).grey
    dataset.RescaleSlope, dataset.RescaleIntercept = 2, -100
    dataset.WindowCenter, dataset.WindowWidth = 2 * 2048 - 100, 2 * 4096
    assert np.abs(read(dataset, tmp_path).grey - plain).max() < 1


def test_identity_and_age_come_from_the_header(tmp_path: Path) -> None:
    picture = read(dx_from_jpeg(phantom(), name="MARTÍNEZ^ÉLISE", record_number="VG-9", age="018M"), tmp_path)
    assert (picture.identity.family_name, picture.identity.given_name) == ("MARTÍNEZ", "ÉLISE")
    assert picture.identity.record_number == "VG-9"
    assert picture.identity.birth_date == date(2022, 3, 14)
    assert picture.age_years == 1.5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sop_class": SECONDARY_CAPTURE}, "secondary_capture"),
        ({"modality": "CT"}, "modality"),
        ({"sop_class": "1.2.840.10008.5.1.4.1.1.1.2"}, "object_class"),
        ({"view_position": "LL"}, "not_frontal"),
        ({"age": "042Y"}, "adult"),
        ({"age": "81"}, "adult"),
        ({"age": "", "birth_date": date(1980, 1, 1)}, "adult"),
    ],
)
def test_each_unsuitable_object_says_why(change: dict, reason: str, tmp_path: Path) -> None:
    assert codes(dx_from_jpeg(phantom(), **change), tmp_path) == [reason]


def test_all_reasons_are_given_at_once_with_the_identity(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom(), sop_class=SECONDARY_CAPTURE, age="081Y", view_position="LATERAL")
    dataset.NumberOfFrames = 2
    dataset.PixelData = dataset.PixelData * 2
    with pytest.raises(Refused) as caught:
        read(dataset, tmp_path)
    assert {problem.code for problem in caught.value.problems} == {
        "multi_frame", "secondary_capture", "not_frontal", "adult",
    }  # fmt: skip
    assert caught.value.identity is not None
    assert caught.value.identity.family_name == "EXEMPLE"


def test_the_site_may_let_a_secondary_capture_through(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom(), sop_class=SECONDARY_CAPTURE)
    assert read(dataset, tmp_path, allow_secondary_capture=True).reasons == ()


@pytest.mark.parametrize(
    ("age", "warned"),
    [("011M", ["infant"]), ("004Y", []), ("006Y", ["older_child"]), ("017Y", ["older_child"])],
)
def test_children_outside_the_intended_ages_are_scored_with_a_warning(
    age: str, warned: list[str], tmp_path: Path
) -> None:
    assert [w.code for w in read(dx_from_jpeg(phantom(), age=age), tmp_path).warnings] == warned


def test_deflated_data_are_not_inflated(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        dicom.read(Path(get_testdata_file("image_dfl.dcm")))
    assert [problem.code for problem in caught.value.problems] == ["dicom_deflated"]
    bomb = tmp_path / "bomb.dcm"
    head = write(dx_from_jpeg(phantom()), tmp_path / "image.dcm").read_bytes()[:400]
    meta = head[: head.index(b"1.2.840.10008.1.2.1\0")] + b"1.2.840.10008.1.2.1.99"
    bomb.write_bytes(meta + zlib.compress(bytes(50_000_000)))
    with pytest.raises(Refused):
        dicom.read(bomb)


@pytest.mark.parametrize("kept", [160, 700, 5_000, 100_000])
def test_a_truncated_file_is_refused_in_words(kept: int, tmp_path: Path) -> None:
    path = write(dx_from_jpeg(phantom()), tmp_path / "image.dcm")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Refused) as caught:
        dicom.read(path)
    assert caught.value.problems[0].code in {"dicom_damaged", "no_pixel_data", "pixels_unreadable"}


def test_a_huge_image_is_refused_by_its_header(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom())
    dataset.Rows = dataset.Columns = 60_000
    assert codes(dataset, tmp_path) == ["too_many_pixels"]


def test_no_identifier_reaches_messages_or_logs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset = dx_from_jpeg(phantom(), name="SECRETNAME^ANNA", record_number="SECRETNUMBER", modality="CT")
    path = write(dataset, tmp_path / "image.dcm")
    # A name where a code belongs, and a date that is none: what careless parsers quote.
    damaged = path.read_bytes().replace(b"20220314", b"SECRETXX").replace(b"004Y", b"SECR")
    path.write_bytes(damaged[:50_000])
    with caplog.at_level(logging.DEBUG), pytest.raises(Refused) as caught:
        dicom.read(path)
    said = str(caught.value) + "".join(problem.message.fr for problem in caught.value.problems) + caplog.text
    assert "SECR" not in said


def test_the_builder_writes_a_file_others_can_read(tmp_path: Path) -> None:
    dataset = dcmread(write(dx_from_jpeg(phantom(), bits=12), tmp_path / "image.dcm"))
    assert dataset.file_meta.MediaStorageSOPClassUID == dataset.SOPClassUID
    assert dataset.pixel_array.max() <= 4095


def test_a_damaged_jpeg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(500))
    with pytest.raises(Refused) as caught:
        raster.read(path)
    assert caught.value.problems[0].code == "image_damaged"

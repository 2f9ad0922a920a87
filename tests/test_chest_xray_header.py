"""What the header of an image says of its view, its pixels' size and its moment."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ml.algorithms.chest_xray import acquisition, dicom, pixels
from ml.algorithms.chest_xray.projection import Projection, of_header
from ml.contracts import Refused
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg, write

CODED = Dataset()
CODED.CodeValue, CODED.CodingSchemeDesignator, CODED.CodeMeaning = "399173006", "SCT", "left lateral"


def header(**attributes: Any) -> Dataset:
    """Make a header of these attributes only; text that is no valid value stays as it is."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ViewPosition": "PA"}, Projection("frontal", "PA")),
        ({"ViewPosition": "LLO"}, Projection("other", "")),
        ({"ViewPosition": "PA", "SeriesDescription": "LAT"}, Projection("frontal", "PA", doubtful=True)),
        ({"PatientOrientation": ["A", "F"]}, Projection("lateral")),
        ({"PatientOrientation": ["L", "F"]}, Projection("frontal")),
        ({"PatientOrientation": ["L", "F"], "ViewPosition": "RL"}, Projection("lateral", "RL")),
        ({"SeriesDescription": "THORAX PROFIL"}, Projection("lateral")),
        ({"SeriesDescription": "Chest PA and lateral"}, Projection("")),
        ({"ViewCodeSequence": [CODED]}, Projection("lateral", "LL")),
        ({}, Projection("")),
    ],
)
def test_the_header_says_the_view_by_what_is_most_exact(attributes: dict, expected: Projection) -> None:
    assert of_header(header(**attributes)) == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, {"row": 0.2, "column": 0.2, "plane": "detector", "calibration": ""}),
        (
            {"PixelSpacing": [0.18, 0.18]},
            {"row": 0.18, "column": 0.18, "plane": "patient", "calibration": ""},
        ),
        (
            {"PixelSpacing": [0.2, 0.2], "PixelSpacingCalibrationType": "FIDUCIAL"},
            {"row": 0.2, "column": 0.2, "plane": "patient", "calibration": "FIDUCIAL"},
        ),
        (
            {"PixelSpacing": [0.15, 0.3], "ImagerPixelSpacing": None},
            {"row": 0.15, "column": 0.3, "plane": "detector", "calibration": ""},
        ),
        ({"ImagerPixelSpacing": [0, 0]}, None),
    ],
)
def test_the_ruler_knows_its_plane(attributes: dict, expected: dict | None) -> None:
    dataset = header(**{"ImagerPixelSpacing": [0.2, 0.2], **attributes})
    assert acquisition.spacing(dataset) == expected
    assert acquisition.aspect(dataset) == (0.5 if expected and expected["column"] == 0.3 else 1)


@pytest.mark.parametrize(
    ("attributes", "moment"),
    [
        ({"AcquisitionDateTime": "20260502140300.12+0200"}, "2026-05-02T14:03:00"),
        ({"StudyDate": "20260502", "StudyTime": "1403"}, "2026-05-02T14:03:00"),
        ({"StudyDate": "20260502", "StudyTime": "99"}, "2026-05-02"),
        ({"AcquisitionDate": "20261399", "StudyDate": "2026.05.02"}, "2026-05-02"),
        ({"StudyDate": ""}, ""),
    ],
)
def test_the_moment_is_read_as_far_as_it_can_be(attributes: dict, moment: str) -> None:
    assert acquisition.taken_at(header(**attributes)) == moment
    assert not acquisition.is_in_future(header(**attributes))


def test_a_day_to_come_is_told() -> None:
    assert acquisition.is_in_future(header(StudyDate="20990502"))
    assert acquisition.is_in_future(header(StudyDate="20260502"), datetime(2026, 4, 30, tzinfo=UTC))
    assert not acquisition.is_in_future(header(StudyDate="20260502"), datetime(2026, 5, 1, tzinfo=UTC))


WILD = (
    ("DS", "1e400"), ("LO", ["1", "x"]), ("DS", ["0", "0"]), ("FD", float("inf")),
    ("OB", b"\xff\xfe\x01\x00"), ("SQ", Sequence([])), ("SQ", Sequence([Dataset()])),
    ("US", [1, 2, 3]), ("LO", ["a", "b", "c"]),
)  # fmt: skip


@pytest.mark.parametrize(
    "keyword",
    [
        "ViewPosition", "ViewCodeSequence", "PatientOrientation", "SeriesDescription", "PixelSpacing",
        "ImagerPixelSpacing", "PixelSpacingCalibrationType", "PixelAspectRatio", "AcquisitionDateTime",
        "StudyDate", "StudyTime", "StudyInstanceUID", "WindowCenter", "WindowWidth",
        "WindowCenterWidthExplanation", "VOILUTFunction", "VOILUTSequence", "PixelPaddingValue",
        "PixelPaddingRangeLimit", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "BitsStored",
    ],
)  # fmt: skip
def test_no_value_of_an_attribute_breaks_the_reading(
    keyword: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in ("reading_validation_mode", "writing_validation_mode"):
        monkeypatch.setattr(config.settings, mode, config.IGNORE)
    path, tag = tmp_path / "image.dcm", tag_for_keyword(keyword)
    for kind, value in WILD:
        dataset = dx_from_jpeg(phantom(60, 70), bits=12)
        dataset[tag] = DataElement(tag, kind, value)
        write(dataset, path)
        with suppress(Refused):
            picture = dicom.read(path)
            _, told = pixels.packed(picture.numbers, "pixels_0.gz")
            json.dumps([told, picture.spacing, picture.aspect, picture.taken_at], allow_nan=False)

"""A study of several images: which are scored, what stops it, and the numbers a viewer gets of each."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from ml import package as packages
from ml import runner
from ml.__main__ import main
from ml.algorithms.chest_xray import pixels, simulate
from ml.algorithms.chest_xray.report import report
from ml.algorithms.chest_xray.simulate import LATERAL, write_film
from ml.contracts import Identity, Outcome, Source, Status
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg, write

NINA = Identity("EXEMPLE", "NINA", "VG-000998", date(2022, 3, 14), "F")
TAKEN = datetime(2026, 5, 2, 14, 3)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Frontal and lateral of one examination, an earlier film, a copy on its side."""
    folder = tmp_path_factory.mktemp("films")
    paths = {name: folder / f"{name}.dcm" for name in ("frontal", "lateral", "second", "earlier")}
    study = write_film(paths["frontal"], identity=NINA, taken_at=TAKEN)
    write_film(paths["lateral"], identity=NINA, taken_at=TAKEN, view=LATERAL, study=study)
    write_film(paths["second"], identity=NINA, taken_at=TAKEN, seed=1, study=study)
    write_film(paths["earlier"], identity=NINA, taken_at=datetime(2025, 12, 1, 9), seed=2)
    paths["turned"] = folder / "turned.png"
    Image.fromarray(np.rot90(simulate.film())).save(paths["turned"])
    paths["damaged"] = folder / "damaged.dcm"
    paths["damaged"].write_bytes(paths["frontal"].read_bytes()[:4000])
    return paths


def analyse(*paths: Path, record: Identity | None = NINA, **options: Any) -> Outcome:
    source = Source(path=paths[0], further=paths[1:], record=record, options=options)
    return runner.run("chest_xray", source, explain=False)


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def said(outcome: Outcome) -> str:
    return " ".join(problem.message.en for problem in outcome.problems)


def changed(path: Path, folder: Path, **attributes: Any) -> Path:
    """Write a copy of a film with attributes of its header replaced."""
    dataset = dcmread(path)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return write(dataset, folder / f"changed-{'-'.join(attributes)}.dcm")


def numbers(outcome: Outcome, image: int = 0) -> tuple[np.ndarray, dict[str, Any]]:
    """Unpack what the viewer gets, as modality values."""
    told = outcome.result["images"][image]["pixels"]
    content = next(file.content for file in outcome.artefacts if file.name == told["name"])
    dtype = np.dtype(told["type"]).newbyteorder("<")
    raster = np.frombuffer(gzip.decompress(content), dtype).reshape(told["height"], told["width"])
    return raster * told["slope"] + told["intercept"], told


def preview(outcome: Outcome, image: int = 0) -> np.ndarray:
    name = outcome.result["images"][image]["preview"]
    content = next(file.content for file in outcome.artefacts if file.name == name)
    with Image.open(io.BytesIO(content)) as opened:
        return np.asarray(opened).astype(float)


def shown(values: np.ndarray, told: dict[str, Any]) -> np.ndarray:
    """Apply the default window as a viewer does."""
    centre, width = told["default"]["centre"], told["default"]["width"]
    if told["function"] == "SIGMOID":
        grey = 255 / (1 + np.exp(-4 * (values - centre) / width))
    elif told["function"] == "LINEAR_EXACT":
        grey = 255 * np.clip((values - centre) / width + 0.5, 0, 1)
    else:
        grey = 255 * np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
    return 255 - grey if told["inverted"] else grey


# --- which images are scored ----------------------------------------------------------------


def test_a_frontal_is_scored_and_the_lateral_beside_it_only_shown(films: dict[str, Path]) -> None:
    outcome = analyse(films["frontal"], films["lateral"])
    frontal, lateral = outcome.result["images"]
    assert outcome.status is Status.OK
    assert (frontal["role"], frontal["view"], frontal["recognised_by"]) == ("frontal", "AP", "header")
    assert (lateral["role"], lateral["view"], lateral["accepted"]) == ("lateral", "LL", False)
    assert "probability" in frontal
    assert "probability" not in lateral
    assert outcome.result["scored"] == 0
    assert outcome.problems == ()
    assert lateral["preview"] in {file.name for file in outcome.artefacts}
    labels = [finding.label.en for finding in outcome.quality]
    assert "Image 2: Lateral view: shown, not scored" in labels
    assert labels.count("Bits stored per pixel") == 1


def test_of_two_frontal_images_the_higher_score_is_the_study_s(films: dict[str, Path]) -> None:
    outcome = analyse(films["frontal"], films["second"], films["lateral"])
    alone = [analyse(films[name]).result["probability"] for name in ("frontal", "second")]
    images = outcome.result["images"]
    assert [image["probability"] for image in images[:2]] == alone
    assert outcome.result["probability"] == max(alone)
    assert outcome.result["scored"] == int(np.argmax(alone))
    assert f"image {outcome.result['scored'] + 1}" in str(outcome.report)
    assert "profil (LL), d’après l’en-tête" in str(outcome.report)


def test_a_damaged_file_and_a_refused_one_cost_the_good_one_nothing(films: dict[str, Path]) -> None:
    outcome = analyse(films["damaged"], films["frontal"], films["turned"])
    damaged, good, turned = outcome.result["images"]
    assert (
        good["probability"]
        == outcome.result["probability"]
        == analyse(films["frontal"]).result["probability"]
    )
    assert (damaged["preview"], damaged["pixels"]) == ("", None)
    assert turned["preview"] == "preview_2.png"
    assert "probability" not in turned
    assert "Image 1: It was not scored. The pixels of the DICOM file cannot be decoded" in said(outcome)
    assert "Image 3: It was not scored." in said(outcome)


def test_when_none_can_be_scored_every_file_says_why(films: dict[str, Path]) -> None:
    outcome = analyse(films["lateral"], films["damaged"])
    assert outcome.status is Status.REFUSED
    assert outcome.artefacts == ()
    assert codes(outcome) == ["not_frontal", "pixels_unreadable"]
    assert [text.split(":")[0] for text in (p.message.en for p in outcome.problems)] == ["Image 1", "Image 2"]
    assert [image["role"] for image in outcome.result["images"]] == ["lateral", "other"]


def test_a_report_of_a_result_from_before_still_renders(films: dict[str, Path]) -> None:
    result = dict(analyse(films["frontal"]).result)
    del result["images"], result["scored"]
    assert len(report(packages.load("chest_xray"), result).sections) == 3


def test_the_command_line_takes_files_one_by_one_or_as_a_study(
    films: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(films["frontal"]), str(films["lateral"])]
    assert main(["predict", "chest_xray", *paths]) == 0
    apart = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["status"] for line in apart] == ["ok", "refused"]
    assert main(["predict", "chest_xray", *paths, "--study"]) == 0
    (together,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert together["input"] == paths
    assert [image["role"] for image in together["result"]["images"]] == ["frontal", "lateral"]
    assert main(["predict", "chest_xray", *paths * 5, "--study"]) == 2
    assert "8 files in one study, not 10" in capsys.readouterr().err


# --- who and when ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribute", "value", "part"),
    [
        ("PatientName", "INCONNU^PAUL", "the name"),
        ("PatientID", "SECRET-77", "the record number"),
        ("PatientBirthDate", "20200101", "the birth date"),
    ],
)
def test_images_of_two_patients_stop_the_study(
    films: dict[str, Path], tmp_path: Path, attribute: str, value: str, part: str
) -> None:
    stranger = changed(films["lateral"], tmp_path, **{attribute: value})
    outcome = analyse(films["frontal"], stranger, record=None)
    assert outcome.status is Status.REFUSED
    assert codes(outcome)[0] == "images_of_different_patients"
    assert f"Images 1 and 2 disagree on {part}" in outcome.problems[0].message.en
    assert value not in str(outcome)


def test_every_image_is_held_against_the_record(films: dict[str, Path], tmp_path: Path) -> None:
    nameless = changed(films["frontal"], tmp_path, PatientName="", PatientID="", PatientBirthDate="")
    outcome = analyse(nameless, films["lateral"], record=replace(NINA, record_number="VG-2"))
    assert codes(outcome) == ["identity_mismatch"]
    assert "File 2: The file and the record disagree on the record number" in said(outcome)
    accepted = analyse(nameless, films["lateral"])
    labels = [finding.label.en for finding in accepted.quality[:2]]
    assert labels[0] == "The identity in the file agrees with the record"
    assert labels[1].startswith("File 1 names no patient")


def test_another_examination_or_day_is_doubted_by_number(films: dict[str, Path]) -> None:
    outcome = analyse(films["frontal"], films["lateral"], films["earlier"])
    assert outcome.status is Status.OK
    assert codes(outcome) == ["different_studies", "different_days"]
    assert "1 and 2 / 3" in outcome.problems[0].message.en
    assert "1 et 2 / 3" in outcome.problems[0].message.fr


# --- views ----------------------------------------------------------------------------------


def test_a_lateral_by_its_orientation_is_not_scored(films: dict[str, Path], tmp_path: Path) -> None:
    path = changed(films["second"], tmp_path, ViewPosition="", PatientOrientation=["A", "F"])
    image = analyse(films["frontal"], path).result["images"][1]
    assert image["role"] == "lateral"
    assert "probability" not in image


def test_without_a_header_the_appearance_decides(films: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    Image.fromarray(simulate.film()).save(path)
    frontal, turned = analyse(path, films["turned"]).result["images"]
    assert (frontal["role"], frontal["recognised_by"]) == ("frontal", "appearance")
    assert (turned["role"], turned["recognised_by"]) == ("other", "appearance")


# --- numbers for the viewer -----------------------------------------------------------------

ENCODINGS = {
    "12 bit": ({"bits": 12}, {}),
    "12 bit inverted, narrow window": (
        {"bits": 12, "photometric": "MONOCHROME1"}, {"WindowCenter": 1800, "WindowWidth": 1500}
    ),
    "16 bit rescaled": (
        {"bits": 16},
        {"RescaleSlope": "0.5", "RescaleIntercept": -100, "WindowCenter": 16284, "WindowWidth": 32768},
    ),
    "signed": ({"bits": 12}, {"PixelRepresentation": 1, "WindowCenter": 2000, "WindowWidth": 4000}),
    "sigmoid": ({"bits": 12}, {"VOILUTFunction": "SIGMOID", "WindowCenter": 2000, "WindowWidth": 2000}),
    "exact": ({"bits": 12}, {"VOILUTFunction": "LINEAR_EXACT"}),
    "no window": ({"bits": 12}, {"WindowCenter": None, "WindowWidth": None}),
    "8 bit": ({"bits": 8}, {}),
    "float modality": ({"bits": 8}, {"RescaleSlope": "0.01", "RescaleIntercept": "0"}),
}  # fmt: skip


@pytest.mark.parametrize(("made", "attributes"), ENCODINGS.values(), ids=ENCODINGS.keys())
def test_the_default_window_over_the_numbers_is_the_preview(
    made: dict, attributes: dict, tmp_path: Path
) -> None:
    dataset = dx_from_jpeg(phantom(), **made)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    outcome = analyse(write(dataset, tmp_path / "image.dcm"), record=None, no_gate=True)
    values, told = numbers(outcome)
    assert np.abs(shown(values, told) - preview(outcome)).max() <= 1
    assert told["type"] == ("uint8" if made["bits"] == 8 else "uint16")
    assert told["windows"][0]["centre"] == told["default"]["centre"]


def test_every_window_of_the_header_is_offered_by_its_name(films: dict[str, Path]) -> None:
    _, told = numbers(analyse(films["frontal"]))
    assert [window["label"]["en"] for window in told["windows"]] == [
        "NORMAL", "LUNG", "Full range", "1st to 99th percentile",
    ]  # fmt: skip
    assert [window["width"] for window in told["windows"][:2]] == [4096, 2000]


def test_padding_stays_out_of_the_window_and_a_table_is_offered(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom(), bits=12)
    stored = dataset.pixel_array.copy()
    stored[:, :40] = 7
    dataset.PixelData, dataset.PixelPaddingValue, dataset.PixelPaddingRangeLimit = stored.tobytes(), 0, 10
    del dataset.WindowCenter, dataset.WindowWidth
    outcome = analyse(write(dataset, tmp_path / "padded.dcm"), record=None, no_gate=True)
    _, told = numbers(outcome)
    assert told["default"]["centre"] - told["default"]["width"] / 2 == stored[stored > 10].min()
    table = Dataset()
    # More entries than eight bits count, of eight-bit levels: what careless readers wrap round.
    table.LUTDescriptor, table.LUTData = [4096, 0, 8], [round(255 * (v / 4095) ** 2) for v in range(4096)]
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    dataset.VOILUTSequence = [table]
    outcome = analyse(write(dataset, tmp_path / "table.dcm"), record=None, no_gate=True)
    values, told = numbers(outcome)
    (given,) = told["tables"]
    nodes = np.linspace(given["first"], given["last"], len(given["levels"]))
    assert told["default"]["table"] == 0
    assert np.abs(np.interp(values, nodes, given["levels"]) - preview(outcome)).max() <= 1


def test_a_deep_png_gives_its_sixteen_bits(tmp_path: Path) -> None:
    deep = phantom().astype(np.uint16) * 200 + 1000
    Image.fromarray(deep).save(tmp_path / "deep.png")
    outcome = analyse(tmp_path / "deep.png", record=None, no_gate=True)
    values, told = numbers(outcome)
    assert (values == deep).all()
    assert np.abs(shown(values, told) - preview(outcome)).max() <= 1


def test_a_very_large_image_is_given_smaller_and_says_by_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "MAX_GIVEN", 100_000)
    Image.fromarray(phantom(480, 560)).save(tmp_path / "large.png")
    outcome = analyse(tmp_path / "large.png", record=None, no_gate=True)
    values, told = numbers(outcome)
    assert (told["scale"], values.shape) == (2, (240, 280))
    assert np.abs(values - phantom(480, 560).reshape(240, 2, 280, 2).mean(axis=(1, 3))).max() <= 0.5


def test_the_result_says_where_when_and_which_way_up(films: dict[str, Path]) -> None:
    (image,) = analyse(films["frontal"]).result["images"]
    assert image["spacing"]["plane"] == "detector"
    assert (image["taken_at"], image["orientation"]) == ("2026-05-02T14:03:00", ["L", "F"])

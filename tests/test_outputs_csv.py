"""Figures as CSV: readable by spreadsheets, harmless in them."""

from __future__ import annotations

import csv
import io

import pytest

from predictions.outputs.csv import neutral
from tests import outputs


def rows(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.django_db
def test_a_night_is_one_row_per_epoch_with_a_decimal_point_in_french_too() -> None:
    study = outputs.answered("sleep")
    outputs.sign(study)
    header, *epochs = rows(outputs.written(study, "csv", "fr"))
    assert header[:4] == ["onset_s", "duration_s", "stage", "p_W"]
    assert [epoch[2] for epoch in epochs] == study.prediction.result["stages"]
    assert [int(epoch[0]) for epoch in epochs] == [30 * index for index in range(len(epochs))]
    assert [float(cell) for cell in epochs[3][3:8]] == study.prediction.result["probabilities"][3]
    assert {epoch[-1] for epoch in epochs} == {"final v1 simulated"}


@pytest.mark.django_db
def test_an_x_ray_is_one_row_per_image() -> None:
    study = outputs.answered("chest_xray")
    outputs.sign(study, verdict="disagree", reason="clinical")
    header, *found = rows(outputs.written(study, "csv", "en"))
    frontal, lateral = (dict(zip(header, row, strict=True)) for row in found)
    assert float(frontal["probability"]) == study.prediction.result["probability"]
    assert (frontal["view"], frontal["class"], frontal["status"]) == ("AP", "PNEUMONIA", "final v1")
    assert (lateral["scored"], lateral["reasons"]) == ("0", "not_frontal")
    assert lateral["probability"] == lateral["operating point"] == "", "no figure beside a film without one"
    for row in (frontal, lateral):
        assert (row["first impression"], row["verdict"]) == ("pneumonia", "disagree")
        assert row["impression"] == outputs.IMPRESSION


@pytest.mark.django_db
def test_the_columns_of_an_x_ray_are_named_in_the_language_of_the_document_and_state_their_layout() -> None:
    study = outputs.answered("chest_xray")
    english, french = (rows(outputs.written(study, "csv", language)) for language in ("en", "fr"))
    assert english[0][:6] == ["layout", "image", "role", "view", "scored", "probability"]
    assert french[0][:6] == ["format", "image", "rôle", "incidence", "score calculé", "probabilité"]
    assert {row[0] for row in english[1:] + french[1:]} == {"chest_xray-2"}


@pytest.mark.django_db
def test_an_x_ray_of_before_several_images_is_one_row() -> None:
    study = outputs.answered("chest_xray", outcome=outputs.radiograph_before())
    header, *found = rows(outputs.written(study, "csv", "en"))
    assert [dict(zip(header, row, strict=True))["probability"] for row in found] == ["0.81"]


@pytest.mark.django_db
def test_other_results_are_one_row_per_figure_with_its_code() -> None:
    study = outputs.answered("haemorrhage")
    found = {row[0]: row[2] for row in rows(outputs.written(study, "csv", "fr"))}
    assert float(found["risk"]) == study.prediction.result["risk"]
    assert found["about.status"] == "preliminary"
    assert found["about.package_sha256"] == study.prediction.package_sha256


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_row_has_a_name_of_its_own(language: str) -> None:
    _header, *found = rows(outputs.written(outputs.answered("haemorrhage"), "csv", language))
    assert not [code for code, label, _value in found if label in ("", code)]
    labels = [label for _code, label, _value in found]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert neutral(text) == f"'{text}"


def test_negative_numbers_stay_numbers() -> None:
    assert neutral(-0.5) == -0.5

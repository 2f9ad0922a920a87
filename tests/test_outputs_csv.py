"""Figures as CSV: readable by spreadsheets, harmless in them."""

from __future__ import annotations

import csv
import io

import pytest

from predictions.outputs.csv_cells import neutral
from tests import nights, outputs


def rows(content: bytes) -> list[list[str]]:
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.django_db
def test_a_night_is_one_row_per_epoch_with_a_decimal_point_in_french_too() -> None:
    study = outputs.answered("sleep")
    outputs.sign(study)
    header, *epochs = rows(outputs.written(study, "csv", "fr"))
    assert header[:7] == [
        "format", "époque", "début s", "durée s", "heure", "stade retenu", "brouillon IA",
    ]  # fmt: skip
    assert [epoch[5] for epoch in epochs] == study.prediction.result["stages"]
    assert [int(epoch[2]) for epoch in epochs] == [30 * index for index in range(len(epochs))]
    assert [float(cell) for cell in epochs[3][7:12]] == study.prediction.result["probabilities"][3]
    assert {epoch[0] for epoch in epochs} == {"sleep-2"}
    assert {epoch[header.index("statut")] for epoch in epochs} == {"final v1 simulated"}


@pytest.mark.django_db
def test_a_scored_night_shows_person_and_draft_epoch_by_epoch() -> None:
    study = outputs.answered("sleep", outcome=nights.outcome())
    nights.score(study, study.submitted_by, *nights.correction("=cmd()"))
    header, *found = rows(outputs.written(study, "csv", "en"))
    epochs = [dict(zip(header, row, strict=True)) for row in found]
    assert (epochs[66]["reported stage"], epochs[66]["AI draft"]) == ("N1", "N2")
    assert [number for number, row in enumerate(epochs) if row["changed by hand"] == "1"] == [
        *range(66, 72),
        500,
    ]
    assert (epochs[0]["clock"], epochs[120]["clock"]) == ("22:13:20", "23:13:20")
    assert epochs[501]["p W (AI)"] == epochs[501]["confidence (AI)"] == ""
    assert epochs[2]["signal"] == "flat mains"
    assert epochs[9]["desaturation (AI)"] == "1", "the planted fall around 300 s"
    assert epochs[15]["desaturation (AI)"] == "0"
    assert {row["respiratory event (AI)"] for row in epochs} == {""}, "no flow was recorded"
    assert [number for number, row in enumerate(epochs) if row["arousal"] == "1"] == [100, 300]
    assert [number for number, row in enumerate(epochs) if row["artefact"] == "1"] == [30]
    assert epochs[120]["comment of the scorer"] == "'=cmd()"
    assert {row["scorer"] for row in epochs} == {study.submitted_by.label}


@pytest.mark.django_db
def test_the_figures_of_a_night_have_a_formula_and_both_definitions() -> None:
    study = outputs.answered("sleep", outcome=nights.outcome())
    nights.score(study, study.submitted_by, *nights.correction())
    outputs.sign(study)
    header, *found = rows(outputs.written(study, "csv_statistics", "en"))
    by_code = {row[0]: dict(zip(header, row, strict=True)) for row in found}
    assert len(by_code) == len(found), "each code once"
    # By hand: 960 epochs, lights off at 620 s and on at 28000 s; 6 N2 became N1.
    assert float(by_code["trt"]["value"]) == pytest.approx((28000 - 620) / 60, abs=1e-3)
    assert by_code["waso"]["definition"] == "usual"
    assert by_code["wake_in_sleep_period"]["definition"] == "other"
    assert by_code["rem_latency"]["formula"] == "first R − first epoch of any sleep"
    assert (by_code["odi3"]["unit"], by_code["lights_off_s"]["value"]) == ("/h", "620.0")
    assert 5 < float(by_code["odi3"]["value"]) < 7, "a fall every ten minutes"
    assert 0.9 < float(by_code["draft_kappa_low"]["value"]) < float(by_code["draft_kappa"]["value"]) < 1
    assert by_code["status"]["value"] == "final v1"


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

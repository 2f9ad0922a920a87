"""From a file to score, map and report with the shipped package; nothing here needs the data folder."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from ml import package as packages
from ml import runner
from ml.algorithms.chest_xray import gate
from ml.algorithms.chest_xray.contract import CONTRACT
from ml.algorithms.chest_xray.load import load
from ml.contracts import Identity, Outcome, Refused, Source, Status
from tests.chest_phantom import phantom
from tests.dicom_builder import SECONDARY_CAPTURE, dx_from_jpeg, write


@pytest.fixture
def package() -> packages.Package:
    return packages.load("chest_xray")


def save(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def analyse(path: Path, record: Identity | None = None, **options: bool) -> Outcome:
    return runner.run("chest_xray", Source(path=path, options=options, record=record))


def reasons(outcome: Outcome) -> set[str]:
    assert outcome.result is not None
    return {reason["code"] for reason in outcome.result["gate"]["reasons"]}


@pytest.fixture
def scored(tmp_path: Path) -> Outcome:
    return analyse(write(dx_from_jpeg(phantom(900, 1300)), tmp_path / "image.dcm"), no_gate=True)


def test_a_score_is_a_probability_with_its_label(scored: Outcome) -> None:
    result = scored.result
    assert scored.status is Status.OK
    assert result is not None
    assert 0 <= result["probability"] <= 1
    assert result["label"] == ("PNEUMONIA" if result["probability"] >= result["threshold"] else "NORMAL")
    assert json.loads(json.dumps(result)) == result


def test_a_rarer_disease_lowers_probability_and_operating_point_alike(tmp_path: Path) -> None:
    path = save(phantom(), tmp_path / "image.png")
    usual = analyse(path, no_gate=True)
    rare = runner.run("chest_xray", Source(path=path, options={"no_gate": True, "prevalence": 0.1}))
    odds = [outcome.result["probability"] / (1 - outcome.result["probability"]) for outcome in (usual, rare)]
    assert odds[1] == pytest.approx(odds[0] / 9, rel=1e-6)
    assert rare.result["threshold"] < usual.result["threshold"]
    assert rare.result["label"] == usual.result["label"]
    assert "10%" in str(rare.report)


def test_a_prevalence_that_is_none_is_a_defect_of_the_caller(
    package: packages.Package, tmp_path: Path
) -> None:
    path = save(phantom(), tmp_path / "image.png")
    with pytest.raises(ValueError, match=r"prevalence: expected a number between 0 and 1, got 30"):
        load(Source(path=path, options={"prevalence": 30}), package)


def test_the_preview_is_small_and_bare(scored: Outcome) -> None:
    preview = next(file for file in scored.artefacts if file.name == "preview_0.png")
    with Image.open(io.BytesIO(preview.content)) as image:
        assert image.size == (1024, 709)
        assert image.info == {}


def test_the_report_speaks_both_languages(scored: Outcome) -> None:
    assert scored.report is not None
    assert scored.report.limits[0].en.startswith("Research use, not a medical device")
    assert all(section.title.fr and section.rows for section in scored.report.sections)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((600, 600), 120, np.uint8), "blank"),
        (phantom(150, 160), "too_small"),
        (phantom(300, 900), "shape"),
        (np.random.default_rng(0).integers(0, 256, (500, 500)).astype(np.uint8), "not_chest_xray"),
        (load_sample_images().images[1], "colour_image"),
        (load_sample_images().images[1].mean(axis=2).astype(np.uint8), "not_chest_xray"),
        (np.clip((phantom().astype(int) - 90) * 20, 0, 255).astype(np.uint8), "clipped"),
    ],
    ids=["blank", "small", "long", "noise", "colour photograph", "grey photograph", "clipped"],
)
def test_what_is_no_chest_x_ray_gets_no_score(pixels: np.ndarray, reason: str, tmp_path: Path) -> None:
    path = save(pixels, tmp_path / "image.png")
    refused = analyse(path)
    assert refused.status is Status.REFUSED
    assert reason in reasons(refused)
    assert "probability" not in refused.result
    assert refused.explanation is None
    ungated = analyse(path, no_gate=True)
    assert reasons(ungated) == reasons(refused)
    assert 0 <= ungated.result["probability"] <= 1


def test_the_identity_is_added_to_the_other_reasons(tmp_path: Path) -> None:
    dataset = dx_from_jpeg(phantom(), sop_class=SECONDARY_CAPTURE, age="081Y")
    record = Identity(
        family_name="AUTRE", given_name="PAUL", record_number="VG-1", birth_date=date(2021, 1, 1)
    )
    outcome = analyse(write(dataset, tmp_path / "image.dcm"), record)
    codes = {problem.code for problem in outcome.problems}
    assert {"secondary_capture", "adult", "identity_mismatch"} <= codes
    assert {"secondary_capture", "adult"} <= reasons(outcome)


def test_the_age_in_the_file_overrules_the_appearance() -> None:
    class Seen:
        gate = {"not_chest": -9.0, "inverted": -9.0, "rotated": -9.0, "adult": 9.0}
        distance = 1.0

    limits = {"heads": {name: {"threshold": 0.0} for name in gate.HEADS}, "max_distance": 5.0}
    assert [p.code for p in gate.by_features(Seen, limits, age_known=False)] == ["adult_appearance"]
    assert list(gate.by_features(Seen, limits, age_known=True)) == []


def test_one_input_always_gets_the_same_answer(tmp_path: Path) -> None:
    path = save(phantom(), tmp_path / "image.png")
    first, second = analyse(path, no_gate=True), analyse(path, no_gate=True)
    assert first.result == second.result
    assert first.explanation.artefacts == second.explanation.artefacts


def test_a_form_instead_of_a_file_is_a_defect_of_the_caller(package: packages.Package) -> None:
    with pytest.raises(ValueError, match="expected a file"):
        load(Source(values={"age": 4}), package)


def test_an_unreadable_file_answers_with_the_gate(package: packages.Package, tmp_path: Path) -> None:
    path = tmp_path / "notes.dcm"
    path.write_text("patient notes, not an image")
    with pytest.raises(Refused) as caught:
        load(Source(path=path), package)
    assert caught.value.answer["gate"]["reasons"][0]["code"] == "unknown_format"


def test_a_large_study_fits_the_memory_of_a_pool_child(tmp_path: Path) -> None:
    grey = np.kron(phantom(540, 640), np.ones((8, 8), np.uint8))
    path = write(dx_from_jpeg(grey, bits=12, photometric="MONOCHROME1"), tmp_path / "large.dcm")
    script = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({CONTRACT.limits.memory_bytes},) * 2)\n"
        "from pathlib import Path\n"
        "from ml import runner\n"
        "from ml.contracts import Source\n"
        "found = runner.run('chest_xray', Source(path=Path(sys.argv[1]), options={'no_gate': True}))\n"
        "print(found.status, found.explanation_status)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert done.stdout.split() == ["ok", "ok"], done.stderr[-2000:]

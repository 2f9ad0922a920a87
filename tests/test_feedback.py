"""Training sets: of those who agreed, without a name, and readable by the trainings."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Unit, User
from ml.algorithms.chest_xray import dataset
from ml.algorithms.haemorrhage import hospital, mapping
from ml.algorithms.sleep import pairs
from ml.training import site_sets
from patients import consent, erasure
from patients.models import Patient, Research
from predictions import first_read, reading, review
from predictions.feedback import access
from predictions.models import JobState, Prediction, Study
from predictions.storage import storage
from tests import chest_phantom, deploying, dicom_builder, factories, outputs, scored_nights, studies
from tests.signed_sets import (
    LEAKS,
    NAMES,
    agreed,
    birth,
    made,
    opened,
    rows,
    signed_at_once,
    signed_film,
    unpacked,
)
from tests.sleep_files import Channel, recording
from tests.test_export_births import many_births

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(radiology: Unit, charlie: User) -> Study:
    """Return a signed film full of names, of somebody who agreed."""
    return signed_film(radiology, charlie)


@pytest.fixture
def night(sleep_lab: Unit, sandra: User, terry: User) -> Study:
    """Return a signed night whose recording names its patient, of somebody who agreed."""
    patient = agreed(factories.patient(sleep_lab, **NAMES | {"record_number": "VG-0004171"}))
    study = scored_nights.night(terry, patient)
    header = {"patient": "VG-000417 F 14-JUL-1951 Ladderman_Henriette", "time": "22.10.05"}
    outputs.send(study, recording([Channel("EEG F4-M1")], notes=[(3, "Ladderman moved")], **header))
    scored_nights.finished(terry, study, scored_nights.stage(5, "W"))
    study.refresh_from_db()
    review.give(user=sandra, study=study, verdict="agree")
    review.sign(user=sandra, study=study)
    return study


# --- round trips -----------------------------------------------------------------------------------


def test_births_come_back_through_the_hospital_reader(
    alice: User, bob: User, claire: Patient, steward: User, admin: User, tmp_path: Path
) -> None:
    many_births(alice, 240)
    Prediction.objects.bulk_create(
        Prediction(
            study=study, result={"risk": 0.1}, report={}, package_version="0.0.1", package_sha256="5" * 64,
            created_at=timezone.now(),
        )
        for study in Study.objects.all()
    )  # fmt: skip
    signed_at_once(bob)
    Patient.objects.update(research=Research.AGREED)
    folder = unpacked(made("haemorrhage", steward, admin), tmp_path)
    read = mapping.Mapping.from_mapping(yaml.safe_load((folder / "mapping.yaml").read_text("utf-8")))
    births = hospital.read(folder / "births.csv", read)
    assert (len(births), births.events) == (240, 24)
    first = rows((folder / "births.csv").read_bytes())[0]
    assert first["admission_at"].endswith("-01")


def test_images_come_back_through_the_dataset_door(
    image: Study, steward: User, admin: User, tmp_path: Path
) -> None:
    found = made("chest_xray", steward, admin)
    read = dataset.read(unpacked(found, tmp_path) / "xrays", "train")
    assert read.pixels.shape == (1, 224, 224)
    assert read.y.tolist() == [1]
    # Lungs darker than the mediastinum: it is the picture that was sent.
    assert read.pixels[0, 100, 70] + 30 < read.pixels[0, 100, 112]
    assert [name.suffix for name in (tmp_path / "originals").iterdir()] == [".dcm"]
    site = site_sets.read(tmp_path, "chest_xray")
    assert (len(site.examples), site.patients, site.purpose) == (1, 1, "To retrain")
    assert (tmp_path / site.examples[0]["example"]).is_file()


def test_nights_come_back_through_the_pair_reader(
    night: Study, steward: User, admin: User, tmp_path: Path
) -> None:
    folder = unpacked(made("sleep", steward, admin), tmp_path)
    found, unfit = pairs.find(folder / "recordings")
    assert not unfit
    [read], unfit = pairs.read(found)
    assert not unfit
    expected = ["W"] * 6 + ["N1"] + list(scored_nights.STAGES[7:])
    assert [("W", "N1", "N2", "N3", "R")[label] for label in read.labels] == expected
    assert read.patient.startswith("VG-")
    [example] = site_sets.read(folder, "sleep").examples
    assert (folder / example["example"], example["patient"]) == (found[0].recording, read.patient)


# --- nobody is named, everything is known ----------------------------------------------------------


def test_no_file_names_anybody(
    image: Study, night: Study, alice: User, bob: User, steward: User, admin: User
) -> None:
    birth(alice, agreed(factories.patient(**NAMES | {"record_number": "VG-0004170"})), signer=bob)
    for algorithm in access.WRITTEN:
        files = opened(made(algorithm, steward, admin))
        for name, content in files.items():
            for leak in (
                *LEAKS,
                str(image.pk).encode(),
                str(night.pk).encode(),
                str(night.patient_id).encode(),
            ):
                assert leak.lower() not in content.lower(), (algorithm, name, leak)
                assert leak.lower() not in name.encode().lower()
            for person in (b"charlie", b"sandra", b"terry", b"alice"):
                assert person not in content.lower(), (algorithm, name, person)


def test_every_label_says_where_it_comes_from(image: Study, night: Study, steward: User, admin: User) -> None:
    files = opened(made("chest_xray", steward, admin))
    [row] = rows(files["provenance.csv"])
    prediction = image.prediction
    assert (row["package_version"], row["package_sha256"]) == ("0.0.1", prediction.package_sha256)
    assert row["signed_by_role"] == "radiologist"
    assert row["month"] == f"{timezone.localtime():%Y-%m}"
    # Charlie said pneumonia before the answer did.
    assert (row["outcome"], row["outcome_source"], row["blind"]) == (
        "PNEUMONIA",
        "signed_reading:agree",
        "yes",
    )
    assert row["example"] in files
    [row] = rows(opened(made("sleep", steward, admin))["provenance.csv"])
    assert (row["signed_by_role"], row["outcome_source"], row["blind"]) == (
        "physician",
        "scored_by:technician:apart",
        "no",
    )


def test_files_analysed_again_teach_once_and_say_whether_the_answer_was_known(
    image: Study, charlie: User, steward: User, admin: User
) -> None:
    again = studies.radiograph(charlie, image.patient, repeats=image, repeats_with="1.0.0")
    with storage.open(image.file.name) as stream:
        outputs.send(again, stream.read())
    first_read.commit(user=charlie, study=again, impression="pneumonia", confidence="sure")
    studies.signed(again, charlie)
    found = made("chest_xray", steward, admin)
    [line] = rows(opened(found)["provenance.csv"])
    assert (line["outcome"], line["blind"]) == ("PNEUMONIA", "no")
    assert found.counts["left_out"] == {"repeated": 1}
    # Of a film that nobody looked at before, the first read is blind, whichever study it is of.
    Study.objects.filter(pk=again.pk).update(repeats=None, repeats_with=None)
    assert "yes" in {
        line["blind"] for line in rows(opened(made("chest_xray", steward, admin))["provenance.csv"])
    }
    Study.objects.filter(pk=again.pk).update(repeats_with="1.0.0")
    assert "unknown" in {
        line["blind"] for line in rows(opened(made("chest_xray", steward, admin))["provenance.csv"])
    }


def test_the_manifest_names_every_file_and_who_was_left_out(
    image: Study, charlie: User, steward: User, admin: User, radiology: Unit
) -> None:
    unasked = studies.radiograph(charlie, factories.patient(radiology))
    studies.signed(unasked, charlie)
    refusing = factories.patient(radiology, research=Research.REFUSED)
    studies.signed(studies.radiograph(charlie, refusing), charlie)
    files = opened(made("chest_xray", steward, admin))
    manifest = json.loads(files["manifest.json"])
    assert {one["name"] for one in manifest["files"]} == files.keys() - {"manifest.json"}
    for one in manifest["files"]:
        assert one["sha256"] == hashlib.sha256(files[one["name"]]).hexdigest()
    assert manifest["left_out"] == {"not_asked": 1, "refused": 1}
    assert (manifest["examples"], manifest["patients"]) == (1, 1)
    assert manifest["purpose"] == "To retrain"
    assert "no licence" in manifest["terms"]["en"].lower()


def test_a_film_with_lettering_stays_out(radiology: Unit, charlie: User, steward: User, admin: User) -> None:
    film = outputs.film(np.full((64, 64), 90, dtype=np.uint8))
    film.BurnedInAnnotation = "YES"
    study = outputs.send(
        studies.radiograph(charlie, agreed(factories.patient(radiology))), outputs.as_file(film)
    )
    studies.signed(study, charlie)
    found = made("chest_xray", steward, admin)
    assert (found.state, found.problems[0]["code"]) == (JobState.REFUSED, "nothing_to_learn_from")
    assert found.problems[0]["message"]["en"].endswith("Left out: 1 image with text burnt in.")
    assert found.problems[0]["message"]["fr"].endswith("Laissés de côté : 1 image avec du texte incrusté.")


def test_a_draft_that_nobody_corrected_teaches_nothing(
    sleep_lab: Unit, sandra: User, steward: User, admin: User
) -> None:
    study = scored_nights.night(sandra, agreed(factories.patient(sleep_lab)))
    review.give(user=sandra, study=study, verdict="agree")
    review.sign(user=sandra, study=study)
    found = made("sleep", steward, admin)
    assert "1 night signed as the draft stood" in found.problems[0]["message"]["en"]


def test_where_nothing_was_left_out_no_sentence_says_so(client: Client, steward: User, admin: User) -> None:
    found = made("haemorrhage", steward, admin)
    assert "Left out" not in found.problems[0]["message"]["en"]
    client.force_login(steward)
    for address in (reverse("training_set", args=[found.request_id]), reverse("training_sets")):
        page = client.get(address).content.decode()
        assert "refused" in page
        assert ">approved<" not in page


def test_a_birth_needs_a_signature_and_says_who_recorded_what(
    alice: User, bob: User, steward: User, admin: User
) -> None:
    birth(alice, agreed(factories.patient()))
    found = made("haemorrhage", steward, admin)
    assert found.problems[0]["message"]["en"].endswith("1 birth whose assessment is not signed.")
    amended = birth(alice, agreed(factories.patient()), signer=bob)
    review.amend(user=bob, study=amended, reason="Another answer")
    birth(alice, agreed(factories.patient()), signer=bob)
    found = made("haemorrhage", steward, admin)
    assert found.counts["left_out"] == {"not_signed": 1, "being_amended": 1}
    [row] = rows(opened(found)["provenance.csv"])
    assert (row["signed_by_role"], row["recorded_by_role"]) == ("physician", "midwife")


def test_what_is_being_amended_is_no_truth(
    image: Study, night: Study, charlie: User, sandra: User, steward: User, admin: User
) -> None:
    for study, user in ((image, charlie), (night, sandra)):
        review.amend(user=user, study=study, reason="Looked again")
        found = made(study.algorithm, steward, admin)
        assert found.problems[0]["message"]["en"].endswith("1 signed, but being amended.")


def test_what_was_signed_unseen_is_the_best_label(
    radiology: Unit, charlie: User, steward: User, admin: User
) -> None:
    """Signed under a silent evaluation: what the reader saw, said blind."""
    film = outputs.as_file(dicom_builder.dx_from_jpeg(chest_phantom.phantom()))
    study = outputs.send(studies.radiograph(charlie, agreed(factories.patient(radiology))), film)
    deploying.silenced(study)
    first_read.commit(user=charlie, study=study, impression="normal", confidence="sure")
    reading.save(user=charlie, study=study, values={"impression": "Clear."}, language="en")
    review.sign(user=charlie, study=study)
    [row] = rows(opened(made("chest_xray", steward, admin))["provenance.csv"])
    assert (row["outcome"], row["outcome_source"], row["blind"]) == (
        "NORMAL", "signed_reading:not_seen", "yes",
    )  # fmt: skip


def test_a_night_scored_on_an_empty_page_teaches(
    sleep_lab: Unit, sandra: User, terry: User, steward: User, admin: User
) -> None:
    night = scored_nights.night(terry, agreed(factories.patient(sleep_lab)))
    outputs.send(night, recording([Channel("EEG F4-M1")], time="22.10.05"))
    deploying.silenced(night)
    scored_nights.finished(terry, night, *(scored_nights.stage(epoch, "N2") for epoch in range(20)))
    review.sign(user=sandra, study=night)
    [row] = rows(opened(made("sleep", steward, admin))["provenance.csv"])
    assert (row["recorded_by_role"], row["blind"]) == ("technician", "yes")


def test_two_sets_of_the_same_are_the_same_and_say_who_agreed_when(
    image: Study, steward: User, admin: User
) -> None:
    Patient.objects.filter(pk=image.patient_id).update(research_at=datetime(2026, 3, 5, 12, tzinfo=UTC))
    first, second = (opened(made("chest_xray", steward, admin)) for _ in range(2))
    assert first.keys() == second.keys()
    tables = [name for name in first if name.endswith(".csv")]
    assert [first[name] for name in tables] == [second[name] for name in tables]
    [row] = rows(first["provenance.csv"])
    assert (row["consent"], row["consent_month"]) == ("agreed", "2026-03")
    said = json.loads(first["manifest.json"])["consent"]
    assert said == {row["patient"]: {"research": "agreed", "month": "2026-03"}}


# --- consent ---------------------------------------------------------------------------------------


def test_whoever_is_held_or_about_to_be_erased_stays_out(
    alice: User, bob: User, claire: Patient, admin: User
) -> None:
    """And who was not asked, refuses, or is gone: only who agreed is in no one's way."""
    other, third = factories.patient(research=Research.REFUSED), agreed(factories.patient())
    assert consent.barred([claire.pk, other.pk, third.pk]) == {claire.pk: "not_asked", other.pk: "refused"}
    third.holds.create(reason="A complaint", placed_by=bob, placed_at=timezone.now())
    assert consent.barred([third.pk]) == {third.pk: "legal_hold"}
    fourth = agreed(factories.patient())
    erasure.ask(user=bob, patient=fourth, ground="request", reason="They ask", ours=())
    assert consent.barred([fourth.pk]) == {fourth.pk: "erasure_open"}

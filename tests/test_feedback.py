"""Training sets: of those who agreed, without a name, by two persons, and readable by the trainings."""

from __future__ import annotations

import csv
import gc
import hashlib
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.confirm import CONFIRMED
from clinic.accounts.models import Notice, Unit, User
from clinic.accounts.roles import Scope
from clinic.audit.models import Action, Event
from ml.algorithms.chest_xray import dataset
from ml.algorithms.haemorrhage import hospital, mapping
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from ml.algorithms.sleep import pairs
from ml.contracts import Refused
from ml.training import site_sets
from patients import consent, erasure, services
from patients.models import Patient, Research
from predictions import answers, first_read, jobs, outcomes, reading, review, sweep
from predictions.feedback import access, work
from predictions.feedback import services as feedback
from predictions.feedback.models import Included, Request, TrainingSet
from predictions.models import JobState, Prediction, Review, Signature, Study
from predictions.states import State
from predictions.storage import storage
from tests import chest_phantom, deploying, dicom_builder, factories, outputs, scored_nights, studies
from tests.sleep_files import Channel, recording
from tests.test_export_births import many_births

pytestmark = pytest.mark.django_db

BORN = date(1951, 7, 14)
NAMES = {
    "family_name": "Ladderman",
    "given_name": "Henriette",
    "record_number": "VG-000417",
    "birth_date": BORN,
}
LEAKS = (b"LADDERMAN", b"HENRIETTE", b"VG-000417", b"000417", b"1951-07-14", b"19510714", b"14-JUL-1951")


def agreed(patient: Patient) -> Patient:
    Patient.objects.filter(pk=patient.pk).update(research=Research.AGREED)
    patient.refresh_from_db()
    return patient


def made(algorithm: str, steward: User, admin: User, **options: Any) -> TrainingSet:
    """Ask, approve and write a set as the worker does."""
    asked = feedback.ask(user=steward, algorithm=algorithm, purpose="To retrain", **options)
    found = feedback.approve(user=admin, asked=asked)
    jobs.work("training_set", found.pk)
    found.refresh_from_db()
    return found


def opened(found: TrainingSet) -> dict[str, bytes]:
    """Return the files of a written set."""
    assert found.state == JobState.DONE, found.problems
    with storage.open(found.stored_name) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def unpacked(found: TrainingSet, folder: Path) -> Path:
    for name, content in opened(found).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def birth(by: User, mother: Patient, millilitres: int = 1250, *, signer: User | None = None) -> Study:
    came = timezone.now() - timedelta(hours=2)
    stay = factories.encounter(mother, started_at=came)
    values = answers.stored(as_of(ADMISSIONS["typical"][1], came))
    study = studies.analysed(studies.waiting(by, mother, values=values, encounter=stay))
    Study.objects.filter(pk=study.pk).update(submitted_at=came)
    loss = {"millilitres": millilitres, "method": "weighed", "measured_at": timezone.now()}
    outcomes.keep(user=by, encounter=stay, values=loss)
    if signer is not None:
        studies.signed(study, signer)
    return study


def signed_at_once(by: User) -> None:
    """Sign every study with an answer, many at once."""
    predictions = list(Prediction.objects.select_related("study"))
    reviews = Review.objects.bulk_create(
        Review(prediction=one, author=by, verdict="agree", created_at=timezone.now()) for one in predictions
    )
    Signature.objects.bulk_create(
        Signature(
            study=one.study, version=1, prediction=one, review=given, signer=by, signed_at=timezone.now(),
            content_sha256="5" * 64,
        )
        for one, given in zip(predictions, reviews, strict=True)
    )  # fmt: skip
    Study.objects.update(state=State.SIGNED)


@pytest.fixture
def image(radiology: Unit, charlie: User) -> Study:
    """Return a signed film full of names, of somebody who agreed."""
    film = dicom_builder.dx_from_jpeg(
        chest_phantom.phantom(),
        name="LADDERMAN^HENRIETTE",
        record_number="VG-000417",
        birth_date=BORN,
        sex="F",
    )
    patient = agreed(factories.patient(radiology, **NAMES))
    study = outputs.send(studies.radiograph(charlie, patient), outputs.as_file(film))
    studies.signed(study, charlie)
    return study


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


@pytest.mark.parametrize("word", ["refused", "unknown"])
def test_who_no_longer_agrees_deletes_the_file_and_is_named_to_take_out(
    word: str, image: Study, charlie: User, steward: User, admin: User, radiology: Unit
) -> None:
    radiology.leads.add(charlie)
    found = made("chest_xray", steward, admin)
    name = found.stored_name
    pseudonym = Included.objects.get(training_set=found).name
    with transaction.atomic():
        services.update_patient(user=charlie, patient=image.patient, units=[radiology], research=word)
    found.refresh_from_db()
    assert found.stored_name == ""
    for person in (steward, charlie):
        notice = Notice.objects.filter(recipient=person).latest("pk")
        assert pseudonym in notice.text["en"]
        assert "Ladderman" not in notice.text["en"]
    other = studies.radiograph(charlie, agreed(factories.patient(radiology)))
    film = outputs.as_file(dicom_builder.dx_from_jpeg(chest_phantom.phantom(seed=2)))
    studies.signed(outputs.send(other, film), charlie)
    manifest = json.loads(opened(made("chest_xray", steward, admin))["manifest.json"])
    assert manifest["withdraw"]["names_by_set"] == {"1": [pseudonym]}
    assert manifest["left_out"] == {{"refused": "refused", "unknown": "not_asked"}[word]: 1}
    assert name not in sweep.named()


def test_a_refusal_while_it_is_written_leaves_no_file(
    image: Study, charlie: User, steward: User, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = work.WRITERS["chest_xray"]

    def refused_at_last(writing: Any) -> None:
        real(writing)
        Patient.objects.filter(pk=image.patient_id).update(research=Research.REFUSED)

    monkeypatch.setitem(work.WRITERS, "chest_xray", refused_at_last)
    found = made("chest_xray", steward, admin)
    assert (found.state, found.stored_name) == (JobState.FAILED, "")
    assert found.problems[0]["code"] == "consent_changed"
    assert not Included.objects.exists()


def test_the_patient_is_told_in_which_sets_they_are(
    client: Client, image: Study, charlie: User, steward: User, admin: User
) -> None:
    found = made("chest_xray", steward, admin)
    client.force_login(charlie)
    page = client.get(reverse("patient", args=[image.patient_id])).content.decode()
    assert "Training set 1" in page
    assert Included.objects.get().name in page
    own = Event.objects.filter(action=Action.EXPORT, patient=image.patient_id, kind="training_set")
    assert own.get().payload.data["sha256"] == found.sha256


def test_consent_is_kept_with_who_and_when(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    form = {
        name: getattr(claire, name)
        for name in ("record_number", "family_name", "given_name", "birth_date", "sex")
    } | {"units": [unit.pk for unit in claire.units.all()]}
    client.post(reverse("patient_edit", args=[claire.pk]), form | {"research": "agreed"})
    claire.refresh_from_db()
    assert (claire.research, claire.research_by) == ("agreed", alice)
    assert claire.research_at is not None
    changed = Event.objects.get(action=Action.UPDATE, patient=claire.pk, kind="research")
    assert changed.payload.data == {"research": ["unknown", "agreed"]}
    client.post(reverse("patient_edit", args=[claire.pk]), form)
    claire.refresh_from_db()
    assert claire.research == "agreed"
    answer = client.patch(
        reverse("api-patient", args=[claire.pk]), {"research": "refused"}, content_type="application/json"
    )
    assert answer.json()["research"] == "refused"


# --- two persons -----------------------------------------------------------------------------------


def test_nobody_approves_their_own_request(steward: User, admin: User, bob: User, maternity: Unit) -> None:
    asked = feedback.ask(user=steward, algorithm="haemorrhage", purpose="To retrain")
    for person in (steward, bob):
        with pytest.raises(Refused, match="second_person"):
            feedback.approve(user=person, asked=asked)
    with pytest.raises(IntegrityError), transaction.atomic():
        Request.objects.filter(pk=asked.pk).update(state="approved", decided_by=steward)
    maternity.leads.add(bob)
    feedback.approve(user=bob, asked=asked)
    with pytest.raises(Refused, match="request_decided"):
        feedback.decline(user=admin, asked=asked, reason="Too late")


def test_who_may_decide_is_told_and_the_asker_of_the_answer(
    steward: User, admin: User, bob: User, maternity: Unit
) -> None:
    maternity.leads.add(bob)
    asked = feedback.ask(user=steward, algorithm="haemorrhage", purpose="To retrain")
    assert {notice.recipient for notice in Notice.objects.all()} == {admin, bob}
    feedback.decline(user=bob, asked=asked, reason="Not before spring")
    answer = Notice.objects.get(recipient=steward)
    # By its number, as the later word that the file is written: who asked may have asked for several.
    assert f"training set {asked.number} " in answer.text["en"]
    assert f"d’entraînement {asked.number} " in answer.text["fr"]


def test_who_asked_is_told_that_the_file_is_there_or_never_will_be(
    image: Study, steward: User, admin: User
) -> None:
    for algorithm, said in (("chest_xray", "is written"), ("sleep", "could not be written")):
        made(algorithm, steward, admin)
        assert said in Notice.objects.filter(recipient=steward).latest("pk").text["en"]


def test_a_steward_takes_the_file_out_once_it_is_written(
    client: Client, image: Study, steward: User, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    found = made("chest_xray", steward, admin)
    address = reverse("training_set_file", args=[found.request_id])
    client.force_login(admin)
    assert client.get(address).status_code == 403
    client.force_login(steward)
    content = b"".join(client.get(address).streaming_content)
    assert zipfile.ZipFile(io.BytesIO(content)).testzip() is None
    event = Event.objects.get(action=Action.DOWNLOAD, kind="training_set")
    assert (event.actor, event.payload.data["sha256"]) == (steward, found.sha256)
    TrainingSet.objects.update(finished_at=timezone.now() - timedelta(days=8))
    with django_capture_on_commit_callbacks(execute=True):
        feedback.sweep()
    assert client.get(address).status_code == 302
    assert not storage.exists(found.stored_name)


def test_a_program_follows_a_set_and_takes_it_out_with_the_scope_for_it(
    client: Client, image: Study, bob: User, steward: User, admin: User
) -> None:
    found = made("chest_xray", steward, admin)
    address = f"/api/training-sets/{found.request_id}"

    def answer(path: str, *scopes: Scope) -> Any:
        return client.get(path, headers={"Authorization": f"Token {factories.token(steward, *scopes)}"})

    [listed] = answer("/api/training-sets", Scope.READ).json()
    told = answer(address, Scope.READ)
    assert told.json() == listed
    assert (listed["state"], listed["written"], listed["sha256"]) == ("approved", "done", found.sha256)
    assert listed["counts"] == found.counts
    assert not [name for name in LEAKS if name in told.content.upper()]
    assert answer(f"{address}/file", Scope.READ).status_code == 403
    content = b"".join(answer(f"{address}/file", Scope.EXPORT).streaming_content)
    assert hashlib.sha256(content).hexdigest() == found.sha256
    event = Event.objects.get(action=Action.DOWNLOAD, kind="training_set")
    assert (event.actor, event.object_id) == (steward, str(found.request_id))
    # An open session says who it is once more.
    client.force_login(steward)
    session = client.session
    session[CONFIRMED] = 0.0
    session.save()
    assert client.get(f"{address}/file").json()["problems"][0]["code"] == "confirmation_needed"
    image.patient.holds.create(reason="A complaint", placed_by=bob, placed_at=timezone.now())
    kept_here = answer(f"{address}/file", Scope.EXPORT)
    assert (kept_here.status_code, kept_here.json()["problems"][0]["code"]) == (409, "training_set_barred")
    assert Event.objects.filter(action=Action.REFUSED, kind="training_set", actor=steward).exists()
    assert Event.objects.filter(action=Action.DOWNLOAD, kind="training_set").count() == 1


@pytest.mark.parametrize("why", ["erasure", "hold"])
def test_a_file_stays_here_while_somebody_in_it_is_erased_or_held(
    why: str, client: Client, image: Study, bob: User, steward: User, admin: User
) -> None:
    found = made("chest_xray", steward, admin)
    if why == "hold":
        image.patient.holds.create(reason="A complaint", placed_by=bob, placed_at=timezone.now())
    else:
        erasure.ask(user=bob, patient=image.patient, ground="request", reason="They ask", ours=())
    with pytest.raises(Refused, match="training_set_barred"):
        feedback.take(user=steward, made=found)
    client.force_login(steward)
    answer = client.get(reverse("training_set_file", args=[found.request_id]), follow=True)
    assert "the file stays here" in answer.content.decode()
    assert not Event.objects.filter(action=Action.DOWNLOAD, kind="training_set").exists()


def test_an_erasure_takes_the_file_and_the_line(
    client: Client, image: Study, steward: User, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    found = made("chest_xray", steward, admin)
    subject = erasure.Subject(image.patient_id)
    [shredder] = [one for one in erasure.shredders() if one.name == "training_sets"]
    pseudonym = Included.objects.get().name
    with django_capture_on_commit_callbacks(execute=True):
        shredder.shred(subject)
    assert not Included.objects.exists()
    assert TrainingSet.objects.get().stored_name == ""
    assert not storage.exists(found.stored_name)
    # Whoever has a copy is told whom to take out of it, and every later set says so.
    assert pseudonym in Notice.objects.filter(recipient=steward).latest("pk").text["en"]
    assert work.erased_names("chest_xray") == {1: [pseudonym]}
    client.force_login(steward)
    page = client.get(reverse("training_set", args=[found.request_id])).content.decode()
    assert pseudonym in page
    assert client.get(f"/api/training-sets/{found.request_id}").json()["withdrawn"] == [pseudonym]


# --- the command -----------------------------------------------------------------------------------


def test_the_command_needs_two_persons_and_writes_a_private_folder(
    image: Study,
    steward: User,
    admin: User,
    charlie: User,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call = ("export_training_set", "chest_xray", str(tmp_path / "set"), "--purpose", "To retrain")
    with pytest.raises(CommandError, match="second person"):
        call_command(*call, "--asked-by", "steward", "--approved-by", "charlie")
    with pytest.raises(CommandError, match="no model steward"):
        call_command(*call, "--asked-by", "charlie", "--approved-by", "admin")
    assert not (tmp_path / "set").exists()
    assert not Request.objects.exists()
    call_command(*call, "--asked-by", "steward", "--approved-by", "admin")
    assert "1 examples of 1 patients" in capsys.readouterr().out
    assert dataset.read(tmp_path / "set" / "xrays", "train").y.tolist() == [1]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "set").rglob("*")} == {0}
    assert Included.objects.get().patient_id == image.patient_id


def test_a_command_with_nothing_to_write_ends_its_request_and_prints_no_trace(
    steward: User, admin: User, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    call = ("export_training_set", "chest_xray", str(tmp_path / "set"), "--purpose", "To retrain")
    with pytest.raises(CommandError, match="Nothing can be given out"):
        call_command(*call, "--asked-by", "steward", "--approved-by", "admin")
    gc.collect()
    assert "ignored" not in capfd.readouterr().err
    found = TrainingSet.objects.get()
    assert (found.state, found.problems[0]["code"]) == (JobState.REFUSED, "nothing_to_learn_from")
    assert not (tmp_path / "set").exists()

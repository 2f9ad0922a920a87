"""Training sets and people: who agrees, asks, decides and takes out, and what an erasure takes away."""

from __future__ import annotations

import gc
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
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
from ml.contracts import Refused
from patients import erasure, services
from patients.models import Patient, Research
from predictions import sweep
from predictions.feedback import services as feedback
from predictions.feedback import work
from predictions.feedback.models import Included, Request, TrainingSet
from predictions.models import JobState, Study
from predictions.storage import storage
from tests import chest_phantom, dicom_builder, factories, outputs, studies
from tests.signed_sets import LEAKS, agreed, made, opened, signed_film

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(radiology: Unit, charlie: User) -> Study:
    """Return a signed film full of names, of somebody who agreed."""
    return signed_film(radiology, charlie)


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

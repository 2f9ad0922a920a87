"""A study is accepted once and whole, or refused in words with nothing kept."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Refused
from patients.models import Patient
from predictions import intake, storage
from predictions.models import Study, StudyFile
from predictions.states import NoSuchWay, State
from tests import factories

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10\x08\x00\x00\x00\x00" + b"\0" * 64

pytestmark = pytest.mark.django_db


def admission() -> dict[str, Any]:
    return as_of(EXAMPLES[0], timezone.now())


def kept_files() -> list[Path]:
    return [path for path in Path(settings.PRIVATE_ROOT).rglob("*") if path.is_file()]


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {problem.code for problem in refused.value.problems}


def submit_form(user: User, patient: Patient, **changes: Any) -> Study:
    given = {"values": admission(), "idempotency_key": "k1", "algorithm": "haemorrhage"} | changes
    return intake.submit(user=user, patient=patient, **given)


def submit_image(user: User, patient: Patient, content: bytes = PNG, **changes: Any) -> Study:
    upload = SimpleUploadedFile("LADDER Henri.png", content)
    given = {"upload": upload, "idempotency_key": "k1", "algorithm": "chest_xray"} | changes
    return intake.submit(user=user, patient=patient, **given)


def test_a_form_becomes_a_waiting_study_with_the_birth_date_of_the_record(
    alice: User, claire: Patient
) -> None:
    study = submit_form(alice, claire, values=admission() | {"birth_date": "1980-01-01"})
    study.refresh_from_db()
    assert study.state == State.QUEUED
    assert study.values["birth_date"] == claire.birth_date.isoformat()
    assert study.unit.code == "maternity"
    event = Event.objects.get(action=Action.SUBMIT)
    assert (event.actor, event.patient, event.study) == (alice, claire.pk, study.pk)


def test_the_incidence_of_the_unit_travels_with_the_form(alice: User, claire: Patient) -> None:
    alice.units.update(incidence=0.035)
    assert submit_form(alice, claire).options == {"incidence": 0.035}


def test_the_prevalence_of_the_unit_travels_with_the_image_and_is_no_choice_of_the_sender(
    charlie: User, henri: Patient
) -> None:
    assert submit_image(charlie, henri).options == {}
    charlie.units.update(prevalence=0.12, incidence=0.035)
    assert submit_image(charlie, henri, idempotency_key="later").options == {"prevalence": 0.12}
    with pytest.raises(Refused) as refused:
        submit_image(charlie, henri, options={"prevalence": 0.9})
    assert codes(refused) == {"option_of_the_unit"}


def test_every_problem_of_a_form_is_named_and_nothing_is_kept(alice: User, claire: Patient) -> None:
    with pytest.raises(Refused) as refused:
        submit_form(alice, claire, values=admission() | {"haemoglobin": "ten", "parity": "-3"})
    assert {problem.field for problem in refused.value.problems} >= {"haemoglobin", "parity"}
    assert not Study.objects.exists()
    assert Event.objects.filter(action=Action.REFUSE_INPUT, patient=claire.pk).count() == 1


def test_a_file_is_kept_under_a_name_that_says_nothing(charlie: User, henri: Patient) -> None:
    study = submit_image(charlie, henri)
    file = StudyFile.objects.get(study=study)
    (kept,) = kept_files()
    assert "LADDER" not in file.name
    assert file.original_name == "LADDER Henri.png"
    assert storage.storage.path(file.name) == str(kept)
    assert PNG[:8] not in kept.read_bytes()
    with storage.storage.open(file.name) as stream:
        assert stream.read() == PNG
    assert kept.stat().st_mode & 0o077 == 0
    assert file.sha256 == hashlib.sha256(PNG).hexdigest()


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty_file"), (b"plain text", "unknown_format"), (PNG[:20], "image_damaged")],
)
def test_a_hostile_file_leaves_nothing_behind(
    charlie: User, henri: Patient, content: bytes, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        submit_image(charlie, henri, content)
    assert code in codes(refused)
    assert kept_files() == []
    assert not Study.objects.exists()


def test_no_file_at_all_is_said(charlie: User, henri: Patient) -> None:
    with pytest.raises(Refused) as refused:
        submit_image(charlie, henri, upload=None)
    assert codes(refused) == {"file_missing"}


def test_the_same_key_gives_the_same_study(charlie: User, henri: Patient) -> None:
    assert submit_image(charlie, henri) == submit_image(charlie, henri)
    assert Study.objects.count() == 1
    assert len(kept_files()) == 1
    assert Event.objects.filter(action=Action.SUBMIT).count() == 1


def test_the_same_key_with_another_file_is_refused(charlie: User, henri: Patient) -> None:
    submit_image(charlie, henri)
    with pytest.raises(Refused) as refused:
        submit_image(charlie, henri, PNG + b"more")
    assert codes(refused) == {"idempotency_key_reused"}
    assert len(kept_files()) == 1


def test_a_key_sent_before_the_upgrade_is_the_same_request_after_it(
    alice: User, charlie: User, claire: Patient, henri: Patient
) -> None:
    image, form = submit_image(charlie, henri), submit_form(alice, claire)
    for study, sent in ((image, hashlib.sha256(PNG).hexdigest()), (form, "")):
        # What was hashed when a study had one file or none.
        content = {
            "algorithm": study.algorithm,
            "patient": str(study.patient_id),
            "encounter": "",
            "values": study.values,
            "options": {},
            "file": sent,
        }
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert study.fingerprint == hashlib.sha256(canonical.encode()).hexdigest()


def test_two_clicks_past_the_look_are_one_study(
    charlie: User, henri: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = submit_image(charlie, henri)
    look, looks = intake._earlier, []

    def too_early(draft: Study) -> Study | None:
        looks.append(draft)
        return None if len(looks) == 1 else look(draft)

    monkeypatch.setattr(intake, "_earlier", too_early)
    assert submit_image(charlie, henri) == first
    assert len(kept_files()) == 1


def test_another_persons_key_is_another_study(alice: User, bob: User, claire: Patient) -> None:
    assert submit_form(alice, claire) != submit_form(bob, claire)


@pytest.mark.parametrize("key", ["", "x" * 65, "a\x00b"])
def test_a_key_is_needed(alice: User, claire: Patient, key: str) -> None:
    with pytest.raises(Refused) as refused:
        submit_form(alice, claire, idempotency_key=key)
    assert codes(refused) == {"idempotency_key_missing"}


def test_the_same_file_for_another_patient_is_noticed(charlie: User, henri: Patient, radiology: Any) -> None:
    submit_image(charlie, henri)
    other = factories.patient(radiology, family_name="Other")
    study = submit_image(charlie, other, idempotency_key="k2")
    assert [warning["code"] for warning in study.warnings] == ["file_of_another_patient"]


def test_the_same_file_again_leads_to_the_study_before(
    charlie: User, henri: Patient, radiology: Any, client: Any
) -> None:
    first = submit_image(charlie, henri)
    again = submit_image(charlie, henri, idempotency_key="k2")
    client.force_login(charlie)
    said = "The same file was sent for this patient before"
    page = client.get(f"/studies/{again.pk}/").content.decode()
    assert said in page
    assert f'href="/studies/{first.pk}/"' in page
    assert said not in client.get(f"/studies/{first.pk}/").content.decode()
    assert [said["code"] for said in intake.noticed(again)] == ["file_sent_before"]
    elsewhere = submit_image(charlie, factories.patient(radiology, family_name="Other"), idempotency_key="k3")
    assert said not in client.get(f"/studies/{elsewhere.pk}/").content.decode()


def test_a_stranger_cannot_submit(charlie: User, claire: Patient) -> None:
    with pytest.raises(Http404):
        submit_form(charlie, claire)
    assert Event.objects.filter(action=Action.REFUSED, actor=charlie, patient=claire.pk).exists()


def test_a_role_that_may_not_submit_is_refused(alice: User, claire: Patient, radiology: Any) -> None:
    claire.units.add(radiology)
    alice.units.add(radiology)
    with pytest.raises(PermissionDenied):
        submit_image(alice, claire)


def test_a_patient_of_another_unit_is_sent_there_first(bob: User, claire: Patient, radiology: Any) -> None:
    bob.units.add(radiology)
    with pytest.raises(Refused) as refused:
        submit_image(bob, claire)
    assert codes(refused) == {"patient_not_in_unit"}


@pytest.mark.parametrize("options", [{"no_gate": True}, {"eeg": 3}, {"eeg": "x" * 200}, {"eeg": "\x00"}])
def test_only_channel_names_can_be_chosen(charlie: User, henri: Patient, options: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        submit_image(charlie, henri, options=options)
    assert codes(refused) == {"unknown_option"}


def test_without_a_broker_the_study_waits_unsent(
    alice: User, claire: Patient, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.REDIS_URL = ""
    with django_capture_on_commit_callbacks(execute=True):
        study = submit_form(alice, claire)
    study.refresh_from_db()
    assert (study.state, study.sent_at) == (State.QUEUED, None)


def test_a_failed_study_can_be_sent_again_and_no_other(alice: User, claire: Patient) -> None:
    study = submit_form(alice, claire)
    with pytest.raises(NoSuchWay):
        intake.retry(user=alice, study=study)
    Study.objects.update(state=State.FAILED, deaths=2, problems=[{"code": "x"}])
    study.refresh_from_db()
    assert intake.retry(user=alice, study=study).state == State.QUEUED
    assert (study.deaths, study.problems) == (0, [])
    assert Event.objects.filter(action=Action.RETRY, study=study.pk).exists()

"""Erasing a record: two persons, export first, no hold in the way, all or nothing, and a log that stays."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import Error, transaction
from django.utils import timezone

from clinic.accounts.models import Notice, User
from clinic.accounts.roles import Role
from clinic.audit import seal, verify
from clinic.audit.models import Action, Event, Payload
from clinic.audit.recording import record
from ml.contracts import Refused
from patients import emergency, erasure, erasure_access, services
from patients.erasure import Subject
from patients.models import Erasure, ErasureState, Patient
from predictions import erasing, intake, shredders, sweep, watch
from predictions.models import (
    Draft,
    Explanation,
    Prediction,
    Signature,
    Study,
    StudyFile,
)
from predictions.states import State
from predictions.storage import storage
from tests import factories, outputs, studies

pytestmark = pytest.mark.django_db


def kept_files() -> list[str]:
    root = Path(settings.PRIVATE_ROOT)
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


@pytest.fixture
def signed() -> Study:
    """Return a signed X-ray of an invented patient, with its film, pictures, documents and drafts."""
    study = outputs.answered("chest_xray")
    outputs.send(study, outputs.as_file(outputs.dicom_image()))
    outputs.sign(study)
    outputs.written(study, "pdf", "fr")
    author = study.submitted_by
    Draft.objects.create(
        author=author, patient=study.patient, algorithm="haemorrhage", saved_at=timezone.now(),
        values={"said": "Lantern"},
    )  # fmt: skip
    return study


@pytest.fixture
def physician(signed: Study) -> User:
    return signed.submitted_by


def asked(by: User, study: Study, *, only: bool = False) -> Erasure:
    """Ask, and have the export written as a worker does."""
    erasing_ = erasure.ask(
        user=by,
        patient=study.patient,
        ground="request",
        reason="Asked for by letter",
        study=study.pk if only else None,
        ours=study.patient.studies.values_list("pk", flat=True),
    )
    erasing.work(erasing_.pk)
    erasing_.refresh_from_db()
    return erasing_


def taken(by: User, wanted: Erasure) -> Erasure:
    erasure.taken(user=by, erasure=wanted)
    wanted.refresh_from_db()
    return wanted


def codes(refused: pytest.ExceptionInfo[Refused]) -> list[str]:
    return [problem.code for problem in refused.value.problems]


def test_a_record_goes_with_its_files_and_the_log_stays(signed: Study, physician: User, admin: User) -> None:
    patient, study = signed.patient, signed.pk
    other = studies.ready(
        factories.staff("eve", Role.PHYSICIAN, factories.unit("radiology")),
        factories.patient(factories.unit("radiology"), family_name="Marmot"),
    )
    studies.written(other, b"another patient's")
    own = set(kept_files())
    wanted = taken(physician, asked(physician, signed))
    erasure.approve(user=admin, erasure=wanted)
    erasing.work(wanted.pk)
    wanted.refresh_from_db()
    assert (wanted.state, wanted.reason, wanted.files) == (ErasureState.DONE, "", [])
    assert not Patient.objects.filter(pk=patient.pk).exists()
    assert not Study.objects.filter(pk=study).exists()
    assert len(own) > 4
    assert set(kept_files()) == {other.documents.get().stored_name}
    assert Study.objects.filter(pk=other.pk).exists()
    assert wanted.log["study_files"]["files"] == 1
    assert wanted.log["signatures"]["rows"] >= 1
    said = json.dumps(erasure.certificate(wanted), ensure_ascii=False)
    for word in (patient.family_name, patient.given_name, patient.record_number):
        assert word not in said
    assert physician.label in said
    assert admin.label in said


def test_the_audit_keeps_who_did_what_and_loses_the_details(
    signed: Study, physician: User, admin: User
) -> None:
    patient = signed.patient.pk
    services.update_patient(
        user=physician, patient=signed.patient, units=signed.patient.units.all(), given_name="Zelda"
    )
    wanted = taken(physician, asked(physician, signed))
    before = Event.objects.filter(patient=patient).count()
    erasure.approve(user=admin, erasure=wanted)
    erasing.work(wanted.pk)
    assert Event.objects.filter(patient=patient).count() > before
    assert not Payload.objects.filter(content__contains="Zelda").exists()
    erased = Event.objects.get(patient=patient, action=Action.ERASE, kind=erasure.KIND)
    assert erased.payload.content
    seal.seal_all()
    assert verify.verify().ok


def test_the_export_holds_everything_that_will_go(signed: Study, physician: User) -> None:
    wanted = asked(physician, signed)
    with storage.open(wanted.export_name) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        person = json.loads(archive.read("patient.json"))
        film = archive.read(f"studies/{signed.pk}/original-0")
        bundle = json.loads(archive.read(f"studies/{signed.pk}/fhir-v1.json"))
        readings = json.loads(archive.read("readings.json"))
    assert manifest["format"] == "vigie-record/1"
    assert {entry["name"] for entry in manifest["files"]} == set(names) - {"manifest.json"}
    assert person["family_name"] == signed.patient.family_name
    assert film[128:132] == b"DICM"
    assert bundle["resourceType"] == "Bundle"
    assert readings["Review"]
    assert any("/documents/pdf-" in name for name in names)
    assert any("/artefacts/" in name for name in names)


def test_an_export_names_the_original_that_does_not_open(signed: Study, physician: User) -> None:
    Path(storage.path(signed.file.name)).write_bytes(b"rotten")
    wanted = asked(physician, signed)
    with storage.open(wanted.export_name) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        missing = json.loads(archive.read("manifest.json"))["missing"]
    assert {one["name"] for one in missing} == {f"studies/{signed.pk}/original-0"}


def test_nobody_approves_what_they_asked_for(signed: Study, physician: User) -> None:
    factories.unit("radiology").leads.add(physician)
    wanted = taken(physician, asked(physician, signed))
    with pytest.raises(Refused) as refused:
        erasure.approve(user=physician, erasure=wanted)
    assert codes(refused) == ["second_person"]
    with pytest.raises(Error), transaction.atomic():
        Erasure.objects.filter(pk=wanted.pk).update(state="approved", decided_by=physician)


def test_a_colleague_without_the_office_does_not_approve(signed: Study, physician: User) -> None:
    colleague = factories.staff("carol", Role.RADIOLOGIST, factories.unit("radiology"))
    wanted = taken(physician, asked(physician, signed))
    assert not erasure_access.may_decide(colleague, wanted)
    factories.unit("radiology").leads.add(colleague)
    assert erasure_access.may_decide(colleague, wanted)


def test_nothing_is_erased_before_somebody_took_the_export(
    signed: Study, physician: User, admin: User
) -> None:
    wanted = asked(physician, signed)
    with pytest.raises(Refused) as refused:
        erasure.approve(user=admin, erasure=wanted)
    assert codes(refused) == ["export_first"]


def test_a_legal_hold_stops_it_at_every_step(signed: Study, physician: User, admin: User) -> None:
    wanted = taken(physician, asked(physician, signed))
    erasure.approve(user=admin, erasure=wanted)
    placed = erasure.hold(user=physician, patient=signed.patient, reason="A complaint")
    wanted.refresh_from_db()
    assert wanted.state == ErasureState.STOPPED
    erasing.work(wanted.pk)
    wanted.refresh_from_db()
    assert wanted.export_name == ""
    assert Patient.objects.filter(pk=signed.patient_id).exists()
    with pytest.raises(Refused) as refused:
        asked(physician, signed)
    assert codes(refused) == ["legal_hold"]
    erasure.release(user=admin, placed=placed)
    again = taken(physician, asked(physician, signed))
    erasure.hold(user=physician, patient=signed.patient, reason="Another complaint")
    with pytest.raises(Refused) as refused:
        erasure.approve(user=admin, erasure=again)
    assert codes(refused) == ["legal_hold"]


def test_a_hold_placed_behind_the_back_of_the_worker_stops_it_too(
    signed: Study, physician: User, admin: User
) -> None:
    wanted = taken(physician, asked(physician, signed))
    erasure.approve(user=admin, erasure=wanted)
    signed.patient.holds.create(reason="A court", placed_by=admin, placed_at=timezone.now())
    erasing.work(wanted.pk)
    wanted.refresh_from_db()
    assert wanted.state == ErasureState.STOPPED


class Killed(BaseException):
    """What kill -9 looks like to the code that never runs on."""


@pytest.fixture
def approved(signed: Study, physician: User, admin: User) -> Erasure:
    wanted = taken(physician, asked(physician, signed))
    erasure.approve(user=admin, erasure=wanted)
    return wanted


@pytest.mark.parametrize("order", [1, 7, 14])
def test_stopped_among_the_rows_nothing_is_gone(
    approved: Erasure, signed: Study, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    steps = iter(range(1, 99))
    shred = erasure.Shredder.shred

    def until(shredder: erasure.Shredder, subject: Subject) -> erasure.Amount:
        if next(steps) == order:
            raise Killed
        return shred(shredder, subject)

    files = set(kept_files())
    with monkeypatch.context() as patched:
        patched.setattr(erasure.Shredder, "shred", until)
        with pytest.raises(Killed), transaction.atomic():
            erasing.erase(approved)
    approved.refresh_from_db()
    assert approved.state == ErasureState.APPROVED
    assert Signature.objects.filter(study=signed).exists()
    assert set(kept_files()) == files


def test_stopped_among_the_files_it_goes_on(approved: Erasure, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[str] = []
    discard = storage.discard

    def once(name: str) -> None:
        if removed:
            raise Killed
        removed.append(name)
        discard(name)

    with monkeypatch.context() as patched:
        patched.setattr(type(storage), "discard", staticmethod(once))
        with pytest.raises(Killed):
            erasing.work(approved.pk)
    approved.refresh_from_db()
    assert approved.state == ErasureState.SHREDDING
    assert approved.files
    erasing.work(approved.pk)
    approved.refresh_from_db()
    assert approved.state == ErasureState.DONE
    assert kept_files() == []


def test_a_study_under_analysis_is_waited_for(
    approved: Erasure, signed: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    Study.objects.filter(pk=signed.pk).update(state=State.RUNNING)
    erasing.work(approved.pk)
    approved.refresh_from_db()
    assert approved.state == ErasureState.APPROVED
    assert erasure.busy(Subject(approved.patient))
    Erasure.objects.filter(pk=approved.pk).update(sent_at=timezone.now() - timedelta(seconds=31))
    sent: list[object] = []
    monkeypatch.setattr("predictions.queue.wake", lambda *told, **options: sent.append(told) or True)
    erasing.look()
    assert len(sent) == 1
    Study.objects.filter(pk=signed.pk).update(state=State.SIGNED)
    erasing.work(approved.pk)
    approved.refresh_from_db()
    assert approved.state == ErasureState.DONE


def test_what_came_after_the_export_is_never_erased_unexported(
    signed: Study, physician: User, admin: User
) -> None:
    wanted = taken(physician, asked(physician, signed))
    first = wanted.export_name
    later = studies.ready(physician, signed.patient)
    with pytest.raises(Refused) as refused:
        erasure.approve(user=admin, erasure=wanted)
    assert codes(refused) == ["export_again"]
    erasing.work(wanted.pk)
    wanted.refresh_from_db()
    assert wanted.export_name != first
    assert first not in kept_files()
    assert wanted.export_taken_at is None
    erasure.approve(user=admin, erasure=taken(physician, wanted))
    studies.written(later, b"a report")
    erasing.work(wanted.pk)
    wanted.refresh_from_db()
    assert (wanted.state, wanted.decided_by) == (ErasureState.REQUESTED, None)
    assert Study.objects.filter(pk=later.pk).exists()


def test_a_record_approved_for_erasure_takes_no_new_study(approved: Erasure, physician: User) -> None:
    patient = Patient.objects.get(pk=approved.patient)
    with pytest.raises(Refused) as refused:
        intake.submit(
            user=physician, patient=patient, algorithm="chest_xray", upload=None, idempotency_key="later"
        )
    assert "erasure_approved" in codes(refused)


def test_searches_that_found_the_record_lose_what_was_typed(
    signed: Study, physician: User, admin: User
) -> None:
    other = Event.objects.count()
    for found in (signed.patient_id, signed.pk):
        record(Action.SEARCH, actor=physician, kind="patient", detail={"q": "Typed", "found": [str(found)]})
    record(Action.SEARCH, actor=physician, kind="patient", detail={"q": "Other", "found": []})
    wanted = taken(physician, asked(physician, signed))
    erasure.approve(user=admin, erasure=wanted)
    erasing.work(wanted.pk)
    assert Event.objects.count() > other
    assert not Payload.objects.filter(content__contains="Typed").exists()
    assert Payload.objects.filter(content__contains="Other").exists()
    for left in (signed.patient_id, signed.pk):
        assert not Payload.objects.filter(event__action=Action.SEARCH, content__contains=str(left)).exists()


def test_what_was_written_in_an_earlier_request_goes_too(signed: Study, physician: User, admin: User) -> None:
    declined = asked(physician, signed)
    erasure.decline(user=admin, erasure=declined)
    wanted = taken(physician, asked(physician, signed))
    erasure.approve(user=admin, erasure=wanted)
    erasing.work(wanted.pk)
    declined.refresh_from_db()
    assert (declined.state, declined.reason) == (ErasureState.DECLINED, "")


def test_a_hold_is_released_by_neither_who_asks_nor_who_decides(
    signed: Study, physician: User, admin: User
) -> None:
    wanted = taken(physician, asked(physician, signed))
    placed = erasure.hold(user=admin, patient=signed.patient, reason="A complaint")
    with pytest.raises(Refused) as refused:
        erasure.release(user=physician, placed=placed)
    assert codes(refused) == ["second_person"]
    erasure.release(user=admin, placed=placed)
    with pytest.raises(Refused) as refused:
        erasure.approve(user=admin, erasure=wanted)
    assert codes(refused) == ["third_person"]


def test_one_study_goes_and_the_record_stays(signed: Study, physician: User, admin: User) -> None:
    kept = studies.ready(physician, signed.patient)
    wanted = taken(physician, asked(physician, signed, only=True))
    erasure.approve(user=admin, erasure=wanted)
    erasing.work(wanted.pk)
    assert list(Study.objects.all()) == [kept]
    assert Prediction.objects.get().study == kept
    assert Explanation.objects.count() == 1
    assert not StudyFile.objects.exists()
    assert Draft.objects.exists()


@pytest.mark.parametrize("table", [Signature, Prediction, Explanation])
def test_without_an_erasure_under_way_the_database_still_refuses(
    signed: Study, approved: Erasure, table: type[Signature]
) -> None:
    """Not even one that is approved opens the door: only the transaction that carries it out."""
    with pytest.raises(Error), transaction.atomic():
        table.objects.all()._raw_delete("default")


def test_the_door_is_open_for_one_patient_only(approved: Erasure, admin: User) -> None:
    other = outputs.answered("haemorrhage")
    Erasure.objects.filter(pk=approved.pk).update(state="erasing")
    with pytest.raises(Error), transaction.atomic():
        Explanation.objects.filter(prediction__study=other)._raw_delete("default")
    Erasure.objects.filter(pk=approved.pk).update(state="approved")


def test_no_table_about_a_patient_is_forgotten() -> None:
    """Walk every reference that leads to a patient; a new one without a shredder fails here."""
    taken_by_name = {model for one in erasure.shredders() for model in one.models}
    reached, front = {Patient}, [Patient]
    while front:
        for relation in front.pop()._meta.get_fields(include_hidden=True):
            model = relation.related_model if relation.auto_created and not relation.concrete else None
            if model and model not in reached:
                reached.add(model)
                front.append(model)
    assert reached <= taken_by_name
    named = taken_by_name | set(shredders.NAMES_NOBODY) | {Erasure}
    ours = {*apps.get_app_config("predictions").get_models(), *apps.get_app_config("patients").get_models()}
    assert ours <= named


def test_a_night_that_two_people_scored_goes_too(admin: User) -> None:
    night = outputs.answered("sleep")
    first = night.scorings.create(
        prediction=night.prediction, scorer=night.submitted_by, version=1, started_at=timezone.now(),
        closed_at=timezone.now(),
    )  # fmt: skip
    night.scorings.create(
        prediction=night.prediction, scorer=admin, version=1, started_at=timezone.now(), source=first,
        origin="scoring",
    )  # fmt: skip
    emergency.open(factories.staff("dora", Role.PHYSICIAN), night.patient, "On call")
    wanted = taken(night.submitted_by, asked(night.submitted_by, night))
    erasure.approve(user=admin, erasure=wanted)
    erasing.work(wanted.pk)
    assert not Patient.objects.exists()


def test_those_who_may_decide_are_told_and_no_notice_names_the_patient(
    signed: Study, physician: User, admin: User
) -> None:
    asked(physician, signed)
    notice = Notice.objects.get(recipient=admin)
    assert signed.patient.family_name not in json.dumps(notice.text)
    assert Notice.objects.filter(recipient=physician).count() == 0


def test_one_erasure_of_a_record_at_a_time(signed: Study, physician: User) -> None:
    asked(physician, signed)
    with pytest.raises(Refused) as refused:
        asked(physician, signed)
    assert codes(refused) == ["erasure_open"]


def test_the_watch_sends_it_and_the_sweep_leaves_its_export(
    signed: Study, physician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def wake(_task: str, told: dict[str, str], _queue: str, **_options: int) -> bool:
        sent.append(told["erasure_id"])
        return True

    monkeypatch.setattr("predictions.queue.wake", wake)
    wanted = erasure.ask(user=physician, patient=signed.patient, ground="consent", reason="x", ours=())
    watcher = watch.Watch()
    watcher.look()
    watcher.look()
    assert sent == [str(wanted.pk)]
    erasing.work(wanted.pk)
    wanted.refresh_from_db()
    assert wanted.export_name in sweep.named()


@pytest.fixture(autouse=True)
def triggers_stand() -> Iterator[None]:
    """Nothing here may leave an erasure in the state that opens the door."""
    yield
    assert not Erasure.objects.filter(state=ErasureState.ERASING).exists()

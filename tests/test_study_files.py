"""Several files in one study: taken together or refused by number, through the page and the API."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml.contracts import Identity, Refused
from patients.models import Patient
from predictions import intake
from predictions.models import Study, StudyFile
from predictions.run import analyse
from predictions.storage import storage
from tests import bad_files, factories
from tests.hostile import films
from tests.test_intake import PNG

pytestmark = pytest.mark.django_db

MEBIBYTE = 2**20


def image(number: int, name: str = "") -> SimpleUploadedFile:
    return SimpleUploadedFile(name or f"LADDER {number}.png", PNG + bytes([number]))


def kept_files() -> list[Path]:
    return [path for path in Path(settings.PRIVATE_ROOT).rglob("*") if path.is_file()]


def submit(user: User, patient: Patient, uploads: Any, **changes: Any) -> Study:
    given = {"algorithm": "chest_xray", "idempotency_key": "k1", "upload": uploads} | changes
    return intake.submit(user=user, patient=patient, **given)


def refused(user: User, patient: Patient, uploads: Any, **changes: Any) -> dict[str, str]:
    """Return field and sentence of each reason by its code, and make sure that nothing was kept."""
    with pytest.raises(Refused) as caught:
        submit(user, patient, uploads, **changes)
    assert kept_files() == []
    assert not Study.objects.exists()
    return {problem.code: f"{problem.field} {problem.message.en}" for problem in caught.value.problems}


def test_files_are_kept_in_the_order_sent(charlie: User, henri: Patient) -> None:
    study = submit(charlie, henri, [image(3), image(1), image(2)])
    files = list(study.files.all())
    assert [file.number for file in files] == [0, 1, 2]
    assert [file.original_name for file in files] == ["LADDER 3.png", "LADDER 1.png", "LADDER 2.png"]
    assert study.file == files[0]
    assert len(kept_files()) == 3
    assert not any("LADDER" in file.name for file in files)
    event = Event.objects.get(action=Action.SUBMIT)
    assert [file["sha256"] for file in event.payload.data["files"]] == [file.sha256 for file in files]
    assert "LADDER" not in str(event.payload.data)


def test_the_same_key_means_the_same_files_in_the_same_order(charlie: User, henri: Patient) -> None:
    study = submit(charlie, henri, [image(1), image(2)])
    assert submit(charlie, henri, [image(1), image(2)]) == study
    for other in ([image(2), image(1)], [image(1)], [image(1), image(2), image(3)]):
        with pytest.raises(Refused) as caught:
            submit(charlie, henri, other)
        assert [problem.code for problem in caught.value.problems] == ["idempotency_key_reused"]
    assert len(kept_files()) == 2


def test_a_ninth_file_and_an_empty_list_are_refused(charlie: User, henri: Patient) -> None:
    nine = refused(charlie, henri, [image(number) for number in range(9)])
    assert nine == {"too_many_files": "file 9 files came, and one study takes 8 at most. Send the others as "
                    "a study of their own."}  # fmt: skip
    assert set(refused(charlie, henri, [])) == {"file_missing"}


def test_a_recording_is_one_file() -> None:
    unit = factories.unit("sleep")
    dora, claire = factories.staff("dora", Role.TECHNICIAN, unit), factories.patient(unit)
    night = ContentFile(bad_files.night(), name="night.edf")
    other = ContentFile(bad_files.fast_recording(100), name="other.edf")
    with pytest.raises(Refused) as caught:
        submit(dora, claire, [night, other], algorithm="sleep")
    assert "too_many_files" in {problem.code for problem in caught.value.problems}


def test_each_bad_file_is_named_by_its_number(charlie: User, henri: Patient) -> None:
    said = refused(
        charlie, henri, [image(1), ContentFile(b"plain", name="a"), image(1), ContentFile(b"", name="b")]
    )
    assert said["unknown_format"].startswith("file[1] File 2: This is not a JPEG")
    assert (
        said["same_file_twice"] == "file[2] File 3: It is the same file as number 1. Remove one of the two."
    )
    assert said["empty_file"].startswith("file[3] File 4: The file is empty")


def test_a_dicomdir_and_an_archive_say_what_to_send_instead(charlie: User, henri: Patient) -> None:
    directory = bytes(128) + b"DICM" + b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10\x00" + bytes(64)
    said = refused(
        charlie, henri, [ContentFile(directory, name="DICOMDIR"), ContentFile(b"PK\x03\x04" + b"0" * 60)]
    )
    assert "Choose the image files of the disc" in said["dicomdir"]
    assert "Unpack it" in said["archive"]


def test_large_files_count_alone_and_together(charlie: User, henri: Patient, monkeypatch: Any) -> None:
    def large(number: int, size: int = 60) -> ContentFile:
        return ContentFile(PNG + bytes([number]) + bytes(size * MEBIBYTE), name=f"{number}.png")

    assert set(refused(charlie, henri, [large(1, 65), image(2)])) == {"file_too_large"}
    five = refused(charlie, henri, [large(number, 52) for number in range(5)])
    assert "256 MiB" in five["files_too_large"]
    two = submit(charlie, henri, [large(1), large(2)])
    assert sum(file.size for file in two.files.all()) > 120 * MEBIBYTE


def test_a_file_of_another_patient_is_noticed_among_several(charlie: User, henri: Patient) -> None:
    other = factories.patient(charlie.units.get(), given_name="Odette")
    submit(charlie, other, [image(1)], idempotency_key="k0")
    study = submit(charlie, henri, [image(2), image(1)])
    assert [warning["code"] for warning in study.warnings] == ["file_of_another_patient"]


def test_a_name_that_is_taken_leaves_none_of_the_files(
    charlie: User, henri: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopted: list[str] = []
    adopt = storage.adopt

    def full_disc(received: Any, folder: str) -> str:
        if adopted:
            raise OSError("no space left")
        adopted.append(adopt(received, folder))
        return adopted[0]

    monkeypatch.setattr(type(storage), "adopt", staticmethod(full_disc))
    with pytest.raises(OSError, match="no space"):
        submit(charlie, henri, [image(1), image(2)])
    assert kept_files() == []
    assert not StudyFile.objects.exists()


# --- page and API ---------------------------------------------------------------------------


def test_the_page_takes_several_files_without_script(charlie: User, henri: Patient) -> None:
    client = Client()
    client.force_login(charlie)
    address = reverse("study_new", args=["chest_xray", henri.pk])
    page = client.get(address).content.decode()
    assert 'name="file"' in page
    assert " multiple " in page
    wrong = SimpleUploadedFile("<b>notes.txt", b"text")
    answer = client.post(address, {"file": [image(1, "holiday.png"), wrong], "key": "k1"})
    assert answer.status_code == 422
    assert "&lt;b&gt;notes.txt" in answer.content.decode()
    assert client.post(address, {"file": [image(1, "holiday.png"), image(2)], "key": "k1"}).status_code == 302
    assert Study.objects.get().files.count() == 2
    facts = client.get(reverse("study", args=[Study.objects.get().pk])).content.decode()
    assert "holiday" not in facts


def test_a_body_too_large_in_all_is_not_kept_while_it_comes_in(
    charlie: User, henri: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    client.force_login(charlie)
    monkeypatch.setattr("predictions.storage.upload_limits", lambda _request: (1000, 1500))
    files = [SimpleUploadedFile(f"{number}.png", PNG + bytes([number]) + bytes(800)) for number in range(3)]
    address = reverse("study_new", args=["chest_xray", henri.pk])
    answer = client.post(address, {"file": files, "key": "k1"}, headers={"Accept": "application/json"})
    (said,) = answer.json()["problems"]
    assert said.startswith("The files together are larger than")
    assert kept_files() == []


def test_the_api_takes_a_repeated_field_and_says_so(charlie: User, henri: Patient) -> None:
    client = APIClient()
    client.force_authenticate(charlie)
    sent = {"algorithm": "chest_xray", "patient": str(henri.pk), "file": [image(1), image(2)]}
    answer = client.post("/api/studies", sent, format="multipart", headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 202
    assert Study.objects.get().files.count() == 2
    again = sent | {"file": [image(1), SimpleUploadedFile("b", b"text")]}
    answer = client.post("/api/studies", again, format="multipart", headers={"Idempotency-Key": "k2"})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "file[1]"
    schema = client.get("/api/schema", headers={"Accept": "application/json"}).json()
    file = schema["components"]["schemas"]["NewStudy"]["properties"]["file"]
    assert (file["type"], file["items"]["format"]) == ("array", "binary")
    listed = {item["name"]: item["max_files"] for item in client.get("/api/algorithms").json()}
    assert (listed["chest_xray"], listed["sleep"], listed["haemorrhage"]) == (8, 1, 0)


def test_every_file_is_lent_to_the_analysis_and_none_named_in_the_logs(
    charlie: User, henri: Patient, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = films.saying(PatientName="INCONNU^PAUL")
    mine = films.saying(PatientName="", PatientID="", PatientBirthDate="", PatientSex="")
    study = submit(charlie, henri, [ContentFile(mine, name="a"), ContentFile(stranger, name="b")])
    assert isinstance(henri.identity, Identity)
    with caplog.at_level(logging.DEBUG):
        ended = analyse(study)
    assert "identity_mismatch" in {problem.code for problem in ended.problems}
    assert len(ended.result["images"]) == 2
    assert "INCONNU" not in caplog.text + str(ended)

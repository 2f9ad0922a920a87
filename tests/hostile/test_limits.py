"""How much is taken, tried at each place that says so by itself: the stream, the view, the worker."""

from __future__ import annotations

import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from clinic.accounts.models import User
from ml import registry, runner
from ml.algorithms.chest_xray import contract as chest
from ml.contracts import Refused, Source, Status
from patients.models import Patient
from predictions import intake, run, storage
from predictions.limits import TooSlow, within
from predictions.models import Study
from predictions.states import State
from tests import studies
from tests.hostile import recordings
from tests.hostile.case import Case, Intake
from tests.test_bad_inputs import Ward, nothing_kept, said

SMALL = 4096


def small(monkeypatch: pytest.MonkeyPatch, algorithm: str, **limits: int) -> None:
    """Lower the limits of an algorithm as long as the test runs."""
    contract = registry.contract(algorithm)
    lowered = replace(contract, limits=replace(contract.limits, **limits))
    real = registry.contract
    monkeypatch.setattr(registry, "contract", lambda name: lowered if name == algorithm else real(name))


# --- the stream -------------------------------------------------------------------------------


def test_the_stream_stops_keeping_at_its_limit(private_root: Path) -> None:
    received = storage.Received(limit=SMALL)
    for _ in range(64):
        received.write(bytes(SMALL))
    assert received.problem is not None
    assert received.problem.code == "file_too_large"
    assert received.size == 64 * SMALL, "counted on, so that the sentence comes at the end"
    assert received.path.stat().st_size <= SMALL + storage.CHUNK_BYTES
    received.close()
    assert not received.path.exists()


def test_the_stream_does_not_read_a_body_announced_too_long(alice: User) -> None:
    handler = storage.StreamingUploadHandler(SimpleNamespace(resolver_match=None, user=alice))
    announced = storage.largest_upload() + storage.SLACK_BYTES + 1
    with pytest.raises(RequestDataTooBig):
        handler.handle_raw_input(BytesIO(), {}, announced, b"b")


@pytest.mark.django_db
def test_a_body_that_only_turns_out_too_long_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, "chest_xray", upload_bytes=SMALL)
    answer = Ward("chest_xray").send(recordings.whole(Intake.EDF))
    assert answer.status_code == 422
    assert "dépasse" in said(answer)
    assert nothing_kept()


@pytest.mark.django_db
def test_a_body_of_json_is_limited_too() -> None:
    ward = Ward("haemorrhage")
    body = b'{"values": "' + bytes(3 << 20).replace(b"\0", b"x") + b'"}'
    answer = ward.client.post("/api/studies", body, content_type="application/json")
    assert answer.status_code == 413
    assert answer.json()["problems"][0]["message"]


# --- the view -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_view_refuses_what_a_stream_let_through(
    charlie: User, henri: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, "chest_xray", upload_bytes=SMALL)
    monkeypatch.setattr(
        storage, "receive", lambda file, limit, real=storage.receive: real(file, limit=1 << 40)
    )
    upload = ContentFile(b"\xff\xd8\xff" + bytes(2 * SMALL), name="large.jpg")
    with pytest.raises(Refused) as refused:
        intake.submit(
            user=charlie, patient=henri, algorithm="chest_xray", upload=upload, idempotency_key="k1"
        )
    assert "file_too_large" in {problem.code for problem in refused.value.problems}
    assert not Study.objects.exists()


@pytest.mark.django_db
def test_the_view_refuses_a_crowd_of_files() -> None:
    ward = Ward("chest_xray")
    files = [SimpleUploadedFile(f"{n}.png", b"\x89PNG" + bytes([n])) for n in range(chest.MAX_FILES + 1)]
    answer = ward.client.post(ward.address, {"file": files, "key": "k1"})
    assert answer.status_code == 422
    assert nothing_kept()


@pytest.mark.parametrize(
    ("algorithm", "head", "size", "code"),
    [
        ("chest_xray", b"\xff\xd8\xff", chest.UPLOAD_BYTES + 1, "file_too_large"),
        ("sleep", recordings.header(Intake.EDF, signals=1025)[:4096], 10**6, "edf_too_many_signals"),
    ],
)
def test_the_view_looks_at_the_head_for_size_and_counts(
    algorithm: str, head: bytes, size: int, code: str
) -> None:
    screen = registry.door(algorithm, "contract").screen
    assert code in {problem.code for problem in screen(head, size)}


# --- the worker -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "intake_", "size"),
    [("chest_xray", Intake.JPEG, chest.UPLOAD_BYTES + 1), ("sleep", Intake.EDF, (2 << 30) + 1)],
)
def test_the_worker_refuses_a_file_that_no_view_has_seen(
    algorithm: str, intake_: Intake, size: int, tmp_path: Path
) -> None:
    path = Case(intake_, "sparse", "too large", lambda: recordings.whole(Intake.EDF), size).write(tmp_path)
    outcome = runner.run(algorithm, Source(path=path))
    assert outcome.status is Status.REFUSED
    (problem,) = outcome.problems
    assert problem.code == "file_too_large"
    assert "Mio" in problem.message.fr


def test_the_worker_refuses_more_files_than_a_study_has(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(b"\x89PNG")
    outcome = runner.run("chest_xray", Source(path=path, further=(path,) * chest.MAX_FILES))
    assert [problem.code for problem in outcome.problems] == ["too_many_files"]


def test_the_worker_limits_its_memory_and_its_time() -> None:
    limits = replace(registry.contract("haemorrhage").limits, seconds=1, memory_bytes=64 << 20)
    with pytest.raises(MemoryError), within(limits):
        bytearray(512 << 20)
    with pytest.raises(TooSlow), within(limits):
        time.sleep(10)


@pytest.mark.django_db
def test_the_worker_limits_itself_before_it_opens_the_file(
    charlie: User, henri: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file costs to be opened and decrypted counts: there, too, the limits hold."""
    study = studies.waiting(charlie, henri, algorithm="chest_xray")
    limited: list[bool] = []

    def source(study: Study) -> Any:
        connection.ensure_connection()
        bytearray(1 << 33)
        limited.append(False)
        raise AssertionError

    monkeypatch.setattr(run, "source_of", source)
    ended = studies.analysed(study)
    assert not limited
    assert (ended.state, ended.problem_list[0].code) == (State.FAILED, "out_of_memory")

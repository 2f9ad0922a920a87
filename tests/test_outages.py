"""A full disk and a database that is away: said in words where somebody waits, survived where nobody does."""

from __future__ import annotations

import errno
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.files.base import ContentFile
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse

from clinic import outages
from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml import registry
from patients.models import Patient
from predictions import intake, queue, run, selectors, sweep
from predictions.models import Prediction, StoredArtefact, Study
from predictions.outputs import rendering
from predictions.states import State
from predictions.storage import PrivateStorage, storage
from predictions.watch import Watch
from tests import probe
from tests.studies import analysed, waiting

pytestmark = pytest.mark.django_db

NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put the probe in haemorrhage's place for one test."""
    monkeypatch.setitem(registry.ALGORITHMS, probe.NAME, probe.__name__)
    registry.contract.cache_clear()
    yield
    registry.contract.cache_clear()


def raises(error: Exception) -> Callable[..., Any]:
    def raising(*args: Any, **kwargs: Any) -> Any:
        raise error

    return raising


@pytest.mark.parametrize(
    ("error", "status", "code", "words"),
    [
        (OperationalError("server closed the connection"), 503, "database_away", "does not answer"),
        (OperationalError("database or disk is full"), 507, "no_room", "disk is full"),
        (NO_SPACE, 507, "no_room", "disk is full"),
        (ZeroDivisionError(), 500, "internal", "Our mistake"),
    ],
)
def test_whoever_waits_reads_what_happened(
    alice: User,
    claire: Patient,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
    words: str,
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    monkeypatch.setattr(selectors, "worklist", raises(error))
    monkeypatch.setattr(intake, "submit", raises(error))
    page = client.get(reverse("worklist"), headers={"Accept-Language": "en"})
    assert (page.status_code, words in page.content.decode()) == (status, True)
    # Whoever only looked sent nothing that could be kept.
    assert "What you just sent" not in page.content.decode()
    body = {"algorithm": "haemorrhage", "patient": str(claire.pk)}
    answer = client.post("/api/studies", body, content_type="application/json")
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (status, code)


def test_an_answer_waits_for_a_database_that_restarts(
    alice: User, claire: Patient, probed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = waiting(alice, claire, values={"behaviour": "answer"})
    answered, outage = (
        run._answered,
        [OperationalError("terminating connection"), OperationalError("refused")],
    )

    def away(*args: Any) -> None:
        if outage:
            raise outage.pop()
        answered(*args)

    monkeypatch.setattr(run, "_answered", away)
    monkeypatch.setattr(outages, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's transaction lives in it
    analysed(study)
    assert (study.state, outage) == (State.READY, [])
    assert Prediction.objects.filter(study=study).count() == 1
    assert Event.objects.filter(study=study.pk, action=Action.PREDICT).count() == 1


def test_files_of_a_commit_that_may_have_happened_are_not_removed(
    alice: User, claire: Patient, probed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit went through, but the word of it was lost: the second try finds the study ended."""
    study = waiting(alice, claire, values={"behaviour": "answer"})
    end, lost = run._end, [OperationalError("connection lost while committing")]

    def committed(*args: Any) -> None:
        end(*args)
        if lost:
            raise lost.pop()

    monkeypatch.setattr(run, "_end", committed)
    monkeypatch.setattr(outages, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(connection, "close", lambda: None)
    analysed(study)
    assert study.state == State.READY
    for artefact in StoredArtefact.objects.filter(prediction__study=study):
        storage.verify(artefact.stored_name)


def test_a_result_without_room_ends_in_words_and_leaves_nothing_behind(
    alice: User, claire: Patient, probed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PrivateStorage, "adopt", raises(NO_SPACE))
    study = analysed(waiting(alice, claire, values={"behaviour": "answer"}))
    assert (study.state, [problem.code for problem in study.problem_list]) == (State.FAILED, ["no_room"])
    assert not Prediction.objects.exists()


def test_a_defect_of_writing_ends_in_words_instead_of_two_dead_workers(
    alice: User, claire: Patient, probed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_answered", raises(KeyError("no such thing")))
    study = analysed(waiting(alice, claire, values={"behaviour": "answer"}))
    assert (study.state, [problem.code for problem in study.problem_list]) == (State.FAILED, ["internal"])


def test_a_database_that_goes_away_after_the_commit_is_nobodys_error(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = waiting(alice, claire)
    monkeypatch.setattr(Study.objects, "filter", raises(OperationalError("gone")))
    assert queue.send(study.pk) is False


def test_one_failing_duty_of_the_watch_keeps_it_from_no_other(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = waiting(alice, claire)
    sent = []
    monkeypatch.setattr(queue, "wake", lambda task, kwargs, *_, **__: not sent.append(kwargs["study_id"]))
    monkeypatch.setattr(rendering, "reap", raises(ZeroDivisionError()))
    monkeypatch.setattr(sweep, "sweep", raises(ZeroDivisionError()))
    watch = Watch()
    watch.look()
    watch.sweep()
    assert sent == [str(study.pk)]


def test_an_upload_that_the_disk_has_no_room_for_is_said(
    charlie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(charlie)
    monkeypatch.setattr("predictions.storage.Received.write", raises(NO_SPACE))
    body = {"algorithm": "chest_xray", "patient": str(charlie.pk), "file": ContentFile(b"x" * 100, "x.png")}
    answer = client.post("/api/studies", body, headers={"Idempotency-Key": "full"})
    assert (answer.status_code, answer.json()["problems"][0]["code"]) == (507, "no_room")


def test_health_names_the_disk_also_when_nobody_can_be_recognised(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    monkeypatch.setattr(SessionStore, "load", raises(OperationalError("disk I/O error")))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["disk"]) == (503, False)


def test_a_folder_without_room_is_told_from_one_with(tmp_path: Path) -> None:
    assert outages.has_room(tmp_path)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        assert not outages.has_room(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not list(tmp_path.iterdir())

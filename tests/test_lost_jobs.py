"""Real workers, a real broker, kill -9: every job still ends, once, with one result."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from clinic.accounts import tokens
from predictions import intake, queue
from predictions.models import Prediction, Study
from predictions.states import State
from tests import own_database, probe
from tests import ward as wards
from tests.probe import clock
from tests.servers import files_below
from tests.ward import LEASE_SECONDS, Ward, assert_answered_once, began, codes, end, wait_for

DAY = 24 * 3600
BULKY = 8 << 20
HUNG_SECONDS = 8
"""Longer than a worker waits for an answer of the broker (``socket_timeout``, 5 s): it has to notice."""
LOOK_SECONDS = 0.5
"""Between two looks of the watch of a ward."""
Process = subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def ward(
    tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path, django_db_blocker: Any
) -> Iterator[Ward]:
    """Return a ward on a database file, with a watch that looks every half second."""
    folder = tmp_path_factory.mktemp("ward")
    url = own_database.copied(empty_sqlite, folder / "ward.sqlite3")
    with wards.opened(folder, url, django_db_blocker) as ward:
        yield ward


@pytest.fixture(scope="module")
def postgres_ward(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
    django_db_setup: None,
    django_db_blocker: Any,
) -> Iterator[Ward]:
    """Return the same on PostgreSQL, whose connections can be cut."""
    folder, url = tmp_path_factory.mktemp("postgres-ward"), own_database.postgres(postgres_url)
    with wards.opened(folder, url, django_db_blocker) as ward:
        yield ward


@pytest.fixture(autouse=True)
def files_of_the_ward(ward: Ward, private_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep files where the workers of the ward find them."""
    monkeypatch.setattr(settings, "PRIVATE_ROOT", ward.folder / "private")


def test_a_job_ends_and_its_message_carries_nothing_but_the_id(ward: Ward) -> None:
    ward.rest()
    study = ward.submit(behaviour="answer", secret="LANTERN Claire")
    with Redis.from_url(ward.broker) as client:
        (message,) = client.lrange("tabular", 0, -1)
    assert str(study.pk) in queue_body(message)
    assert "LANTERN" not in queue_body(message)
    assert ward.patient.record_number not in queue_body(message)
    with ward.lent_worker():
        assert_answered_once(end(study))


def queue_body(message: bytes) -> str:
    envelope = json.loads(message)
    return json.dumps(envelope["headers"]) + base64.b64decode(envelope["body"]).decode()


def test_a_killed_child_loses_no_job(ward: Ward) -> None:
    mark = ward.mark("child")
    with ward.lent_worker():
        study = ward.submit(behaviour="sleep", seconds=1.5, mark=str(mark))
        (child,) = wait_for(partial(began, mark))
        os.kill(child, signal.SIGKILL)
        assert_answered_once(end(study))
    assert len(began(mark)) == 2
    assert study.deaths == 1


def test_a_killed_worker_loses_no_job(ward: Ward) -> None:
    mark = ward.mark("worker")
    with ward.lent_worker() as worker:
        study = ward.submit(behaviour="sleep", seconds=1.5, mark=str(mark))
        waiting = ward.submit(behaviour="answer")
        wait_for(partial(began, mark))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    with ward.lent_worker():
        assert_answered_once(end(study))
        assert_answered_once(end(waiting))


def test_an_input_that_kills_its_worker_twice_fails_in_words(ward: Ward) -> None:
    mark = ward.mark("killer")
    with ward.lent_worker():
        study = ward.submit(behaviour="die", mark=str(mark))
        after = ward.submit(behaviour="answer")
        assert (end(study).state, codes(study)) == (State.FAILED, ["stopped_the_analyser"])
        assert_answered_once(end(after))
    assert len(began(mark)) == 2
    assert not Prediction.objects.filter(study=study).exists()


def test_an_analysis_longer_than_its_lease_keeps_it(ward: Ward) -> None:
    mark = ward.mark("long")
    with ward.lent_worker():
        study = ward.submit(behaviour="sleep", seconds=LEASE_SECONDS + 0.5, mark=str(mark))
        assert_answered_once(end(study))
    assert len(began(mark)) == 1
    assert study.deaths == 0


def test_an_analysis_deaf_to_its_own_time_limit_is_killed_from_outside(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "HARD_LIMIT_GRACE", 1)
    with ward.lent_worker():
        study = ward.submit(behaviour="deaf")
        wait_for(lambda: Study.objects.filter(pk=study.pk, deaths=1).exists())
    # The next worker must not take it up again in another test.
    Study.objects.filter(pk=study.pk).update(state=State.FAILED)


def test_a_message_delivered_three_times_is_one_result(ward: Ward) -> None:
    ward.rest()
    mark = ward.mark("twice")
    study = ward.submit(behaviour="sleep", seconds=1, mark=str(mark))
    queue.send(study.pk)
    queue.send(study.pk)
    with ward.lent_worker():
        assert_answered_once(end(study))
        last = ward.submit(behaviour="answer")
        assert_answered_once(end(last))
    assert len(began(mark)) == 1


def test_a_double_click_is_one_job(ward: Ward) -> None:
    mark = ward.mark("double")
    with ward.lent_worker():
        first, second = (ward.submit(key="double", behaviour="answer", mark=str(mark)) for _ in range(2))
        assert first == second
        assert_answered_once(end(first))
    assert len(began(mark)) == 1


def test_a_lost_message_is_sent_again(ward: Ward) -> None:
    ward.rest()
    study = ward.submit(behaviour="answer")
    with Redis.from_url(ward.broker) as client:
        client.delete("tabular")
    with ward.lent_worker():
        assert_answered_once(end(study))


def test_a_study_taken_without_a_broker_is_sent_once_there_is_one(ward: Ward) -> None:
    ward.rest()
    ward.stop(ward.broker_process)
    study = ward.submit(behaviour="answer")
    assert Study.objects.get(pk=study.pk).sent_at is None
    assert "The analyser cannot be reached at the moment" in ward.page(study)
    ward.start_broker()
    with ward.lent_worker():
        assert_answered_once(end(study))


def test_too_much_memory_and_too_much_time_end_in_words_and_the_child_lives(ward: Ward) -> None:
    mark = ward.mark("limits")
    with ward.lent_worker():
        eater = ward.submit(behaviour="eat", mark=str(mark))
        sleeper = ward.submit(behaviour="sleep", seconds=60, mark=str(mark))
        last = ward.submit(behaviour="answer", mark=str(mark))
        assert (end(eater).state, codes(eater)) == (State.FAILED, ["out_of_memory"])
        assert (end(sleeper).state, codes(sleeper)) == (State.FAILED, ["too_slow"])
        assert_answered_once(end(last))
    assert len(set(began(mark))) == 1
    assert eater.deaths == sleeper.deaths == 0


def test_a_misconfigured_worker_refuses_to_start_with_every_reason(ward: Ward) -> None:
    environment = ward.environment | {
        "REDIS_URL": "",
        "VIGIE_DATA_DIR": str(ward.folder / "nowhere"),
        "VIGIE_STORAGE_KEY_FILE": str(settings.STORAGE_KEY_FILE),
        "VIGIE_SECRET_KEY": "x" * 60,
    }
    command = [sys.executable, "-m", "celery", "-A", "clinic", "worker", "-P", "solo", "-Q", "tabular,typo"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=wards.PATIENCE)
    assert ended.returncode != 0
    for reason in ("prefork", "typo", "REDIS_URL", "VIGIE_DATA_DIR"):
        assert reason in ended.stderr


# --- a study in every state, and something goes wrong ----------------------------------------


def test_a_full_disk_loses_nothing(ward: Ward) -> None:
    with ward.lent_worker() as worker:
        sent = ward.one_of_each("full", seconds=3)
        ward.fill_disk(worker, ward.watch_process)
        time.sleep(2 * LEASE_SECONDS)
        assert Study.objects.get(pk=sent[State.RUNNING].pk).state == State.RUNNING
        ward.free_disk(worker, ward.watch_process)
        # SQLite calls a write that does not fit "full" or "I/O error", by which of its files it was for. The
        # first ends the study in words; the second is waited out like a database that is away.
        ended = end(sent[State.RUNNING])
        assert (ended.state, codes(ended)) in [(State.FAILED, ["no_room"]), (State.READY, [])]
        wards.assert_nothing_lost(ward, sent, running=State(ended.state))


def test_an_answer_that_the_disk_has_no_room_for_says_so_and_can_be_asked_for_again(ward: Ward) -> None:
    with ward.lent_worker() as worker:
        mark, left = ward.mark("bulky"), parts(ward)
        study = ward.submit(behaviour="sleep", seconds=2, mark=str(mark), size=BULKY)
        wait_for(partial(began, mark))
        ward.leave_room(BULKY, worker)
        assert (end(study).state, codes(study)) == (State.FAILED, ["no_room"])
        assert "There is no room left on the disk" in ward.page(study)
        ward.free_disk(worker)
        wait_for(lambda: parts(ward) <= left)
        intake.retry(user=ward.midwife, study=study)
        assert_answered_once(end(study))


def parts(ward: Ward) -> set[Path]:
    """Return what is still arriving, or was when a worker of an earlier test was killed."""
    return {path for path in files_below(ward.folder / "private") if path.suffix == ".part"}


def test_a_clock_that_jumps_loses_nothing(ward: Ward) -> None:
    with ward.lent_worker():
        sent = ward.one_of_each("clock", seconds=LEASE_SECONDS)
        for days in (2, -4):
            clock.jump(ward.clock, days * DAY)
            time.sleep(2 * LOOK_SECONDS)
        wards.assert_nothing_lost(ward, sent)
    # Neither jump took the study from the worker that was at it.
    assert len(began(ward.mark("clock"))) == 1


def test_whatever_was_lost_is_found_also_after_the_clock_was_set_back(ward: Ward) -> None:
    mark = ward.mark("back")
    with ward.lent_worker() as worker:
        study = ward.submit(behaviour="sleep", seconds=1.5, mark=str(mark))
        wait_for(partial(began, mark))
        ward.stop(worker)
    ward.rest()
    unsent = ward.submit(behaviour="answer")
    with Redis.from_url(ward.broker) as client:
        client.delete("tabular")
    clock.jump(ward.clock, -DAY)
    with ward.lent_worker():
        assert_answered_once(end(study))
        assert_answered_once(end(unsent))


def kill_child(ward: Ward, worker: Process) -> Process:
    for child in wards.children(worker.pid):
        os.kill(child, signal.SIGKILL)
    return worker


def kill_worker(ward: Ward, worker: Process) -> Process:
    ward.stop(worker)
    return ward.start_worker("tabular")


def kill_broker(ward: Ward, worker: Process) -> Process:
    ward.stop(ward.broker_process)
    ward.start_broker()
    return worker


def kill_broker_at_the_acknowledgement(ward: Ward, worker: Process) -> Process:
    """Have the acknowledgement find the broker gone: the worker may not sit there idle afterwards."""
    worker.send_signal(signal.SIGSTOP)
    end(Study.objects.get(state=State.RUNNING))
    ward.stop(ward.broker_process)
    worker.send_signal(signal.SIGCONT)
    log = ward.folder / "tabular.log"
    wait_for(lambda: "ConnectionError" in log.read_text("utf-8"))
    ward.start_broker()
    return worker


def hang_broker(ward: Ward, worker: Process) -> Process:
    ward.broker_process.send_signal(signal.SIGSTOP)
    time.sleep(HUNG_SECONDS)
    ward.broker_process.send_signal(signal.SIGCONT)
    return worker


def send_twice(ward: Ward, worker: Process) -> Process:
    for study in Study.objects.all():
        for _again in range(2):
            queue.wake(queue.ANALYSE, {"study_id": str(study.pk)}, "tabular")
    return worker


def kill_watch(ward: Ward, worker: Process) -> Process:
    ward.stop(ward.watch_process)
    worker = kill_worker(ward, worker)
    ward.start_watch()
    return worker


def kill_everything(ward: Ward, worker: Process) -> Process:
    for process in (worker, ward.watch_process, ward.broker_process):
        ward.stop(process)
    ward.start_broker()
    ward.start_watch()
    return ward.start_worker("tabular")


def cut_connections(ward: Ward, worker: Process) -> Process:
    """Have PostgreSQL end every connection but this one, for as long as an answer is being written."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        time.sleep(0.05)
    return worker


def go_wrong(ward: Ward, happens: Callable[[Ward, Process], Process]) -> None:
    """Have something happen to a study in every state."""
    ward.rest()
    worker = ward.start_worker("tabular")
    try:
        # Long enough for what happens to find it running, however slow the machine.
        sent = ward.one_of_each(happens.__name__, seconds=3)
        worker = happens(ward, worker)
        wards.assert_nothing_lost(ward, sent)
    finally:
        ward.stop(worker)


@pytest.mark.parametrize("happens", [kill_everything, kill_broker_at_the_acknowledgement])
def test_a_study_in_every_state_survives_the_worst(
    ward: Ward, happens: Callable[[Ward, Process], Process]
) -> None:
    go_wrong(ward, happens)


@pytest.mark.long
@pytest.mark.parametrize(
    "happens", [kill_child, kill_worker, kill_broker, hang_broker, send_twice, kill_watch]
)
def test_a_study_in_every_state_survives(ward: Ward, happens: Callable[[Ward, Process], Process]) -> None:
    go_wrong(ward, happens)


@pytest.mark.long
@pytest.mark.postgres
@pytest.mark.parametrize("happens", [cut_connections, kill_worker, kill_everything])
def test_a_study_in_every_state_survives_on_postgresql(
    postgres_ward: Ward, monkeypatch: pytest.MonkeyPatch, happens: Callable[[Ward, Process], Process]
) -> None:
    monkeypatch.setattr(settings, "PRIVATE_ROOT", postgres_ward.folder / "private")
    go_wrong(postgres_ward, happens)


@pytest.mark.long
def test_a_web_server_killed_between_the_commit_and_the_message_loses_nothing(ward: Ward) -> None:
    """A broker that hangs keeps the web server at the very place; whoever resends gets the same study."""
    _token, secret = tokens.issue(
        owner=ward.midwife, name="kill", scopes=["read", "submit"], lifetime=timedelta(days=1)
    )
    web, url = ward.start_web()
    asks = partial(submitted, url, secret, str(ward.patient.pk))
    ward.broker_process.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(asks)
        study = wait_for(lambda: Study.objects.filter(idempotency_key="killed-web").first())
        ward.stop(web)
        assert isinstance(first.exception(), OSError)
    ward.broker_process.send_signal(signal.SIGCONT)
    web, url = ward.start_web()
    try:
        assert submitted(url, secret, str(ward.patient.pk)) == str(study.pk)
        with ward.lent_worker():
            assert_answered_once(end(study))
        wards.assert_recorded_once(study, State.READY)
    finally:
        ward.stop(web)


def submitted(url: str, secret: str, patient: str) -> str:
    """Send a form as a program does, and return the id of the study."""
    body = {"patient": patient, "algorithm": probe.NAME, "values": {"behaviour": "answer"}}
    headers = {
        "Authorization": f"Token {secret}",
        "Content-Type": "application/json",
        "Idempotency-Key": "killed-web",
    }
    request = urllib.request.Request(f"{url}/api/studies", json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.load(answer)["id"]

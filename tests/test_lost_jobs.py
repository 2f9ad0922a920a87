"""Real workers, a real broker, kill -9: every job still ends, once, with one result."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend
from redis import Redis

from clinic import pulse
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from clinic.celery import app
from ml import registry
from patients.models import Patient
from predictions import intake, queue
from predictions.models import Prediction, Study
from predictions.states import PENDING, State
from tests import factories, probe

LEASE_SECONDS = 3
PATIENCE = 45


class Ward:
    """A ward of its own: database file, broker and workers."""

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "VIGIE_DATA_DIR": str(folder),
            "DATABASE_URL": f"sqlite:///{folder / 'ward.sqlite3'}",
            "REDIS_URL": broker,
            "VIGIE_STUDY_LEASE_SECONDS": str(LEASE_SECONDS),
            "VIGIE_STUDY_RESEND_SECONDS": "2",
            "VIGIE_REAP_SECONDS": "0.5",
        }
        self.midwife: User
        self.patient: Patient
        self._keys = 0

    @contextmanager
    def worker(self, *queues: str, beat: bool = False) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker until the block ends."""
        log = (self.folder / f"worker-{'-'.join(queues)}.log").open("ab")
        command = [sys.executable, "-m", "celery", "-A", "tests.probe.worker", "worker", "-P", "prefork"]
        command += ["-c", "1", "-Q", ",".join(queues), "-n", f"{'-'.join(queues)}@test", *(["-B"] * beat)]
        started = subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=log, cwd=Path(__file__).parent.parent,
            start_new_session=True,
        )  # fmt: skip
        try:
            wait_for(lambda: all(pulse.living()[name] for name in queues))
            yield started
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            log.close()

    def submit(self, *, key: str = "", **values: Any) -> Study:
        """Send one form to the probe, under a new key unless one is given."""
        self._keys += 1
        return intake.submit(
            user=self.midwife,
            patient=self.patient,
            algorithm=probe.NAME,
            values=values,
            idempotency_key=key or f"key-{self._keys}",
        )

    def mark(self, name: str) -> Path:
        """Return a file to which the probe writes its process id when it begins."""
        return self.folder / name


@pytest.fixture(scope="module")
def ward(
    tmp_path_factory: pytest.TempPathFactory, broker: str, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Ward]:
    """Return a ward on a database file, with an upkeep worker that reaps every half second."""
    folder = tmp_path_factory.mktemp("ward")
    ward = Ward(folder, broker)
    here = _database(folder / "ward.sqlite3")
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), here:
        _use_broker(patch, broker)
        patch.setitem(registry.ALGORITHMS, probe.NAME, probe.__name__)
        registry.contract.cache_clear()
        call_command("migrate", verbosity=0)
        maternity = factories.unit("maternity")
        ward.midwife = factories.staff("lost-alice", Role.MIDWIFE, maternity)
        ward.patient = factories.patient(maternity)
        with ward.worker("upkeep", beat=True):
            yield ward
    registry.contract.cache_clear()


@contextmanager
def _database(path: Path) -> Iterator[None]:
    """Use a database file that the workers can open too, instead of the one in memory."""
    before = connections["default"]
    described = before.settings_dict | {"NAME": str(path)}
    connections["default"] = load_backend(described["ENGINE"]).DatabaseWrapper(described, "default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = before


def _use_broker(patch: pytest.MonkeyPatch, url: str) -> None:
    patch.setattr(settings, "REDIS_URL", url)
    patch.setitem(app.conf, "broker_url", url)
    with Redis.from_url(url) as client:
        client.flushdb()


def wait_for(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def end(study: Study) -> Study:
    def over() -> bool:
        study.refresh_from_db()
        return study.state not in PENDING

    wait_for(over)
    return study


def began(mark: Path) -> list[int]:
    return [int(line) for line in mark.read_text().split()] if mark.exists() else []


def codes(study: Study) -> list[str]:
    return [problem.code for problem in study.problem_list]


def assert_answered_once(study: Study) -> None:
    assert (study.state, codes(study)) == (State.READY, [])
    assert Prediction.objects.filter(study=study).count() == 1
    assert Event.objects.filter(study=study.pk, action=Action.PREDICT).count() == 1


def test_a_job_ends_and_its_message_carries_nothing_but_the_id(ward: Ward, broker: str) -> None:
    study = ward.submit(behaviour="answer", secret="LANTERN Claire")
    with Redis.from_url(broker) as client:
        (message,) = client.lrange("tabular", 0, -1)
    assert str(study.pk) in queue_body(message)
    assert "LANTERN" not in queue_body(message)
    assert ward.patient.record_number not in queue_body(message)
    with ward.worker("tabular"):
        assert_answered_once(end(study))


def queue_body(message: bytes) -> str:
    envelope = json.loads(message)
    return json.dumps(envelope["headers"]) + base64.b64decode(envelope["body"]).decode()


def test_a_killed_child_loses_no_job(ward: Ward) -> None:
    mark = ward.mark("child")
    with ward.worker("tabular"):
        study = ward.submit(behaviour="sleep", seconds=1.5, mark=str(mark))
        (child,) = wait_for(partial(began, mark))
        os.kill(child, signal.SIGKILL)
        assert_answered_once(end(study))
    assert len(began(mark)) == 2
    assert study.deaths == 1


def test_a_killed_worker_loses_no_job(ward: Ward) -> None:
    mark = ward.mark("worker")
    with ward.worker("tabular") as worker:
        study = ward.submit(behaviour="sleep", seconds=1.5, mark=str(mark))
        waiting = ward.submit(behaviour="answer")
        wait_for(partial(began, mark))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    with ward.worker("tabular"):
        assert_answered_once(end(study))
        assert_answered_once(end(waiting))


def test_an_input_that_kills_its_worker_twice_fails_in_words(ward: Ward) -> None:
    mark = ward.mark("killer")
    with ward.worker("tabular"):
        study = ward.submit(behaviour="die", mark=str(mark))
        after = ward.submit(behaviour="answer")
        assert (end(study).state, codes(study)) == (State.FAILED, ["stopped_the_analyser"])
        assert_answered_once(end(after))
    assert len(began(mark)) == 2
    assert not Prediction.objects.filter(study=study).exists()


def test_an_analysis_longer_than_its_lease_keeps_it(ward: Ward) -> None:
    mark = ward.mark("long")
    with ward.worker("tabular"):
        study = ward.submit(behaviour="sleep", seconds=LEASE_SECONDS + 0.5, mark=str(mark))
        assert_answered_once(end(study))
    assert len(began(mark)) == 1
    assert study.deaths == 0


def test_an_analysis_deaf_to_its_own_time_limit_is_killed_from_outside(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "HARD_LIMIT_GRACE", 1)
    with ward.worker("tabular"):
        study = ward.submit(behaviour="deaf")
        wait_for(lambda: Study.objects.filter(pk=study.pk, deaths=1).exists())
    # The next worker must not take it up again in another test.
    Study.objects.filter(pk=study.pk).update(state=State.FAILED)


def test_a_message_delivered_three_times_is_one_result(ward: Ward) -> None:
    mark = ward.mark("twice")
    study = ward.submit(behaviour="sleep", seconds=1, mark=str(mark))
    queue.send(study.pk)
    queue.send(study.pk)
    with ward.worker("tabular"):
        assert_answered_once(end(study))
        last = ward.submit(behaviour="answer")
        assert_answered_once(end(last))
    assert len(began(mark)) == 1


def test_a_double_click_is_one_job(ward: Ward) -> None:
    mark = ward.mark("double")
    with ward.worker("tabular"):
        first, second = (ward.submit(key="double", behaviour="answer", mark=str(mark)) for _ in range(2))
        assert first == second
        assert_answered_once(end(first))
    assert len(began(mark)) == 1


def test_a_lost_message_is_sent_again(ward: Ward, broker: str) -> None:
    study = ward.submit(behaviour="answer")
    with Redis.from_url(broker) as client:
        client.delete("tabular")
    with ward.worker("tabular"):
        assert_answered_once(end(study))


def test_a_study_taken_without_a_broker_is_sent_once_there_is_one(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _unreachable(patch)
        study = ward.submit(behaviour="answer")
        assert Study.objects.get(pk=study.pk).sent_at is None
    with ward.worker("tabular"):
        assert_answered_once(end(study))


def _unreachable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(queue, "wake", lambda *args, **kwargs: False)


def test_too_much_memory_and_too_much_time_end_in_words_and_the_child_lives(ward: Ward) -> None:
    mark = ward.mark("limits")
    with ward.worker("tabular"):
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
        "VIGIE_SECRET_KEY": "x" * 60,
    }
    command = [sys.executable, "-m", "celery", "-A", "clinic", "worker", "-P", "solo", "-Q", "tabular,typo"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    for reason in ("prefork", "typo", "REDIS_URL", "VIGIE_DATA_DIR"):
        assert reason in ended.stderr

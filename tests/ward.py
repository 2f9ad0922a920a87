"""A ward of its own: database, broker, watch and workers, each a process that a test may kill."""

from __future__ import annotations

import http.client
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from redis import Redis
from redis.exceptions import RedisError

from clinic import broker as embedded
from clinic import pulse
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit import verify
from clinic.audit.models import Action, Event, Waiting
from clinic.audit.seal import seal_all
from clinic.celery import app
from clinic.settings import storage_key
from ml import registry
from patients.models import Patient
from predictions import intake
from predictions.models import Prediction, Study
from predictions.states import PENDING, State
from tests import factories, own_database, probe, studies
from tests.machine import ROOT
from tests.probe import clock

LEASE_SECONDS = 3
QUEUE = "tabular"
PATIENCE = 150
NOTHING = 0
ENDINGS = {State.READY: Action.PREDICT, State.REFUSED: Action.REFUSE_INPUT, State.FAILED: Action.FAIL}


class Ward:
    """Everything a study needs, on a database and in a folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.clock = folder / "clock"
        self._broker = embedded.prepare(folder / "broker")
        self.broker_process: subprocess.Popen[bytes]
        self.watch_process: subprocess.Popen[bytes]
        self.environment = os.environ | {
            "VIGIE_DATA_DIR": str(folder),
            "DATABASE_URL": url,
            "REDIS_URL": self._broker.url,
            "VIGIE_STUDY_LEASE_SECONDS": str(LEASE_SECONDS),
            "VIGIE_STUDY_RESEND_SECONDS": "2",
            "VIGIE_REAP_SECONDS": "0.5",
            clock.NAME: str(self.clock),
        }
        self.midwife: User
        self.physician: User
        self.patient: Patient
        self._keys = 0
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def broker(self) -> str:
        """Address of the broker."""
        return self._broker.url

    def people(self) -> None:
        """Have somebody to submit, somebody to sign and somebody it is about."""
        maternity = factories.unit("maternity")
        self.midwife = factories.staff("lost-alice", Role.MIDWIFE, maternity)
        self.physician = factories.staff("lost-bob", Role.PHYSICIAN, maternity)
        self.patient = factories.patient(maternity)

    # --- processes -------------------------------------------------------------------------

    def start_broker(self) -> None:
        """Start the broker, empty, where it always is."""
        self.broker_process = subprocess.Popen(self._broker.command, stdout=subprocess.DEVNULL)
        wait_for(self._broker_answers)

    def start_watch(self) -> None:
        """Start the process that looks for lost jobs."""
        self.watch_process = self._process("watch", sys.executable, "-m", "tests.probe.watch")

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process and its children at once."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()

    def start_worker(self, *queues: str) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it says it lives."""
        name = "-".join(queues)
        command = (sys.executable, "-m", "celery", "-A", "tests.probe.worker", "worker", "-P", "prefork",
                   "-c", "1", "-Q", ",".join(queues), "-n", f"{name}@test",
                   "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip
        started = self._process(name, *command)
        wait_for(lambda: all(pulse.living()[queue] for queue in queues))
        return started

    def start_web(self) -> tuple[subprocess.Popen[bytes], str]:
        """Start a web server; return it with its address."""
        port = embedded.free_port()
        url = f"{embedded.LOOPBACK}:{port}"
        options = ("--workers", "1", "--worker-class", "gthread", "--threads", "4", "--no-control-socket")
        command = ("gunicorn", "tests.probe.web", "--bind", url, *options)
        started = self._process("web", sys.executable, "-m", *command)
        wait_for(lambda: _answers(port))
        return started, f"http://{url}"

    @contextmanager
    def worker(self, *queues: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a worker until the block ends."""
        started = self.start_worker(*queues)
        try:
            yield started
        finally:
            self.stop(started)
            self._forget(*queues)

    @contextmanager
    def lent_worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """Lend a worker of the queue of forms; one that lives afterwards serves the next block too."""
        if self._worker is None or self._worker.poll() is not None:
            self.rest()
            self._worker = self.start_worker(QUEUE)
        try:
            yield self._worker
        except BaseException:
            self.rest()
            raise

    def rest(self) -> None:
        """Have no worker until the next is asked for."""
        if self._worker is not None:
            self.stop(self._worker)
            self._worker = None
        self._forget(QUEUE)

    def _forget(self, *queues: str) -> None:
        """Take the last sign of life away of a worker that was stopped."""
        with suppress(RedisError):
            Redis.from_url(self.broker).delete(f"{pulse.PREFIX}{'-'.join(queues)}@test")

    def _process(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )

    def _broker_answers(self) -> bool:
        with suppress(RedisError), Redis.from_url(self.broker) as client:
            return client.ping()
        return False

    # --- studies ---------------------------------------------------------------------------

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
        return self.folder / f"{name}.mark"

    def one_of_each(self, name: str, seconds: float = 1.5) -> dict[State, Study]:
        """Return a study in every state; a worker must run, and is busy with the running one."""
        asked = {
            State.READY: "answer",
            State.SIGNED: "answer",
            State.REFUSED: "refuse",
            State.FAILED: "raise",
        }
        # All are sent before the first is waited for; the worker alone claims them.
        sent = {state: self.submit(behaviour=behaviour) for state, behaviour in asked.items()}
        ended = {state: end(study) for state, study in sent.items()}
        studies.signed(ended[State.SIGNED], self.physician)
        mark = self.mark(name)
        running = self.submit(behaviour="sleep", seconds=seconds, mark=str(mark))
        wait_for(lambda: began(mark))
        return ended | {State.RUNNING: running, State.QUEUED: self.submit(behaviour="answer")}

    def page(self, study: Study) -> str:
        """Return what the page of a study tells whoever sent it."""
        client = Client()
        client.force_login(self.midwife)
        answer = client.get(reverse("study", args=[study.pk]), headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        return answer.content.decode()

    def told(self, study: Study) -> str:
        """Return the state that a program reads; the page of the probe's own answer cannot be drawn."""
        client = Client()
        client.force_login(self.midwife)
        return client.get(f"/api/studies/{study.pk}").json()["state"]

    def fill_disk(self, *processes: subprocess.Popen[bytes]) -> None:
        """Leave processes and their children no room to write a byte; works without any privilege."""
        self._limit(NOTHING, *processes)

    def free_disk(self, *processes: subprocess.Popen[bytes]) -> None:
        """Give them room again."""
        self._limit(resource.RLIM_INFINITY, *processes)

    def leave_room(self, size: int, *processes: subprocess.Popen[bytes]) -> None:
        """Leave them room for files up to this size: enough for the database, not for what is larger."""
        self._limit(size, *processes)

    def _limit(self, size: int, *processes: subprocess.Popen[bytes]) -> None:
        for process in processes:
            for pid in (process.pid, *children(process.pid)):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def opened(folder: Path, url: str, blocker: Any) -> Iterator[Ward]:
    """Run a ward with its broker and watch, no worker yet, and have this process belong to it."""
    ward = Ward(folder, url)
    with pytest.MonkeyPatch.context() as patch, blocker.unblock(), own_database.used(url):
        _belong(patch, ward)
        call_command("migrate", verbosity=0)
        ward.people()
        ward.start_broker()
        ward.start_watch()
        try:
            yield ward
        finally:
            ward.rest()
            ward.stop(ward.watch_process)
            ward.stop(ward.broker_process)
    registry.contract.cache_clear()


def _belong(patch: pytest.MonkeyPatch, ward: Ward) -> None:
    patch.setattr(settings, "REDIS_URL", ward.broker)
    patch.setitem(app.conf, "broker_url", ward.broker)
    patch.setattr(settings, "STUDY_LEASE_SECONDS", LEASE_SECONDS)
    patch.setattr(settings, "STORAGE_KEYS", ())
    patch.setattr(settings, "STORAGE_KEY_FILE", storage_key.demo_file(ward.folder))
    patch.setattr(settings, "AUDIT_KEY_FILE", ward.folder / "audit/key.pem")
    patch.setattr(settings, "AUDIT_ANCHORS", [])
    patch.setitem(registry.ALGORITHMS, probe.NAME, probe.__name__)
    registry.contract.cache_clear()


def _answers(port: int) -> bool:
    """Say whether a worker of the web server answers; its master listens long before."""
    line = http.client.HTTPConnection(embedded.LOOPBACK, port, timeout=5)
    try:
        line.request("GET", "/no/such/page")
        return line.getresponse().status == 404
    except OSError:
        return False
    finally:
        line.close()


def children(pid: int) -> list[int]:
    """Return the child processes of a process, without the threads'."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in found.split()]


def wait_for(true: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Return what ``true`` returns once it is true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def end(study: Study) -> Study:
    """Wait until a study has come to an end."""

    def over() -> bool:
        study.refresh_from_db()
        return study.state not in PENDING

    wait_for(over)
    return study


def began(mark: Path) -> list[int]:
    """Return the processes that began with a study of this mark."""
    return [int(line) for line in mark.read_text().split()] if mark.exists() else []


def codes(study: Study) -> list[str]:
    """Return why a study did not come to an answer."""
    return [problem.code for problem in study.problem_list]


def assert_answered_once(study: Study) -> None:
    """There is one answer, and one word about it in the audit."""
    assert (study.state, codes(study)) == (State.READY, [])
    assert Prediction.objects.filter(study=study).count() == 1
    assert Event.objects.filter(study=study.pk, action=Action.PREDICT).count() == 1


def assert_nothing_lost(ward: Ward, sent: dict[State, Study], *, running: State = State.READY) -> None:
    """Every study ended, once; what had ended before is as it was; the audit has no gap; pages tell.

    Parameters
    ----------
    running
        How the study ends that was being analysed.
    """
    ended = {State.QUEUED: State.READY, State.RUNNING: running}
    for before, study in sent.items():
        end(study)
        assert study.state == ended.get(before, before), (before, codes(study))
        answered = study.state in (State.READY, State.SIGNED)
        assert Prediction.objects.filter(study=study).count() == answered, before
        assert_recorded_once(study, State.READY if answered else State(study.state))
        if study.problems:
            page = ward.page(study)
            assert all(problem.message.en[:30] in page for problem in study.problem_list), before
        assert ward.told(study) == study.state
    assert_audit_whole()


def assert_recorded_once(study: Study, ended: State) -> None:
    """Its coming and its end are each recorded once, nothing twice, nothing missing."""
    recorded = list(Event.objects.filter(study=study.pk).values_list("action", flat=True))
    assert recorded.count(Action.SUBMIT) == 1
    endings = [action for action in recorded if action in ENDINGS.values()]
    assert endings == [ENDINGS[ended]], recorded


def assert_audit_whole() -> None:
    """Every event is sealed, in a chain without a fault."""
    seal_all()
    assert not Waiting.objects.exists()
    outcome = verify.verify()
    assert outcome.faults == ()

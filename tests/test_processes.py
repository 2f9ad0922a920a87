"""Child processes: none outlives its parent, the dead start again, what is asked to stop may finish."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clinic.processes import LOG_BYTES, Child, Service, rotate

# A worker with a child of its own, as a prefork pool has; both note their process.
FAMILY = """
import os, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(60)
"""
POLITE = """
import signal, sys, time
def finish(*_):
    time.sleep(0.3)
    print("finished", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, finish)
print("ready", flush=True)
time.sleep(60)
"""
SUPERVISOR = """
import sys, time
from pathlib import Path
from clinic.processes import Child, Service
folder = Path(sys.argv[1])
service = Service("worker", (sys.executable, "-c", "import time; time.sleep(60)"))
child = Child(service, {}, folder, folder / "log", print)
child.start()
(folder / "pid").write_text(str(child.process.pid))
time.sleep(60)
"""


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Wait for ``condition``; say whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running(pid: int) -> bool:
    """Say whether a process runs (a zombie does not)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def child(tmp_path: Path):
    """Start a program as a supervised child and kill it at the end."""
    children, said = [], []

    def start(program: str, *, grace: float = 5) -> Child:
        service = Service("worker", (sys.executable, "-c", program), grace=grace)
        made = Child(service, os.environ, tmp_path, tmp_path / "worker.log", said.append)
        made.start()
        made.said = said
        children.append(made)
        return made

    yield start
    for made in children:
        made.make_stop(until=0)


def words(child: Child) -> list[str]:
    return child.log.read_text("utf-8").split()


def test_a_dead_worker_takes_its_pool_with_it_and_starts_again(child) -> None:
    worker = child(FAMILY)
    assert until(lambda: len(words(worker)) == 2)
    first, grandchild = map(int, words(worker))
    os.kill(first, signal.SIGKILL)
    assert until(lambda: not worker.alive)

    assert until(worker.revive)

    assert not running(grandchild)
    assert worker.alive
    assert worker.process.pid != first
    assert "killed by SIGKILL" in worker.said[0]


def test_pauses_grow_while_a_worker_keeps_dying(child) -> None:
    worker = child("raise SystemExit(3)")
    assert until(lambda: worker.failures == 2 or (worker.revive() and False))
    assert "exit status 3; starting it again in 1 s" in worker.said[0]
    assert "again in 2 s" in worker.said[1]


def test_what_is_asked_to_stop_may_finish(child) -> None:
    worker = child(POLITE)
    assert until(lambda: words(worker) == ["ready"])
    worker.ask_to_stop()
    assert worker.make_stop(until=time.monotonic() + 60)
    assert words(worker) == ["ready", "finished"]


def test_what_does_not_finish_in_time_is_killed(child) -> None:
    worker = child(POLITE.replace("0.3", "60"))
    assert until(lambda: words(worker) == ["ready"])
    worker.ask_to_stop()
    assert not worker.make_stop(until=time.monotonic() + 0.2)
    assert not worker.alive


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    supervisor = subprocess.Popen((sys.executable, "-c", SUPERVISOR, str(tmp_path)))
    try:
        assert until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
        worker = int((tmp_path / "pid").read_text())
        assert running(worker)
    finally:
        supervisor.kill()
        supervisor.wait()
    assert until(lambda: not running(worker))


def test_a_large_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").stat().st_size == LOG_BYTES + 1

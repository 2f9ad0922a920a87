"""`make run`: everything answers, the dead come back, a second one and a taken port are refused in words."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from clinic import liveness
from clinic.broker import free_port
from clinic.stack import missing_packages, missing_parts
from predictions.vault import keys
from tests.machine import ROOT
from tests.servers import PATIENCE, LiveStack, files_below, running_stack
from tests.test_processes import running, until


def health(stack: LiveStack) -> dict:
    with urllib.request.urlopen(f"{stack.url}/health", timeout=PATIENCE) as answer:  # noqa: S310
        return json.load(answer)


def run_stack(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "manage.py", "run_stack"),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_everything_answers_once_it_says_ready(live_stack: LiveStack) -> None:
    found = health(live_stack)
    assert found["status"] == "healthy"
    assert all(count == 1 for count in found["workers"].values())
    assert set(live_stack.pids()) == {
        "broker", "web", "tabular", "imaging", "signals", "training", "watch", "sealer",
    }  # fmt: skip


def test_says_where_it_is_who_logs_in_and_how_to_stop(live_stack: LiveStack) -> None:
    said = (live_stack.folder / "supervisor.txt").read_text("utf-8")
    assert f"Vigie is ready: {live_stack.url}" in said
    for login in ("midwife", "radiologist", "technician", "physician", "admin", "steward"):
        assert login in said
    assert live_stack.password in said
    assert "Stop with Ctrl-C" in said


def test_a_killed_service_comes_back(live_stack: LiveStack) -> None:
    before = live_stack.pids()["watch"]
    os.kill(before, signal.SIGKILL)
    assert until(lambda: live_stack.pids()["watch"] != before)
    assert until(lambda: running(live_stack.pids()["watch"]))
    assert (
        "watch was killed by SIGKILL; starting it again" in (live_stack.folder / "supervisor.txt").read_text()
    )
    assert until(lambda: healthy(live_stack)), "the tests that follow find it whole again"


def healthy(stack: LiveStack) -> bool:
    with contextlib.suppress(urllib.error.HTTPError):
        return health(stack)["status"] == "healthy"
    return False


def test_a_second_one_beside_it_is_refused(live_stack: LiveStack) -> None:
    answer = run_stack(VIGIE_DATA_DIR=str(live_stack.folder))
    assert answer.returncode == 1
    assert f"Vigie runs already at {live_stack.url} (process {live_stack.supervisor.pid})" in answer.stderr
    assert health(live_stack)["status"] == "healthy"


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = run_stack(VIGIE_DATA_DIR=str(tmp_path), PORT=str(port))
    assert answer.returncode == 1
    assert (
        f"port {port} is taken by another program; choose another: make run PORT={port + 1}" in answer.stderr
    )
    assert not (tmp_path / "vigie.sqlite3").exists()


def test_a_broker_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    answer = run_stack(
        VIGIE_DATA_DIR=str(tmp_path), PORT=str(free_port()), REDIS_URL="redis://:secret@127.0.0.1:1/0"
    )
    assert answer.returncode == 1
    assert "REDIS_URL is set, but no broker answers there" in answer.stderr
    assert "secret" not in answer.stderr


def test_a_database_that_does_not_answer_is_said(tmp_path: Path) -> None:
    answer = run_stack(
        VIGIE_DATA_DIR=str(tmp_path), PORT=str(free_port()), DATABASE_URL="postgres://vigie@127.0.0.1:1/vigie"
    )
    assert answer.returncode == 1
    assert "the database does not answer" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = run_stack(VIGIE_DATA_DIR=str(tmp_path / "file" / "below"), VIGIE_SECRET_KEY="k" * 50)
    assert answer.returncode == 1
    assert "cannot be written to; VIGIE_DATA_DIR names another folder" in answer.stderr


@pytest.mark.parametrize("port", ["eighty", "0", "70000", "²"])
def test_a_port_that_is_none_is_said(tmp_path: Path, port: str) -> None:
    answer = run_stack(VIGIE_DATA_DIR=str(tmp_path), PORT=port)
    assert answer.returncode == 1
    assert "it must be a number from 1 to 65535" in answer.stderr


def test_the_demo_refuses_production(tmp_path: Path) -> None:
    key = tmp_path / "storage-key"
    key.write_text(keys.made(), "ascii")
    key.chmod(0o600)
    answer = run_stack(
        VIGIE_DATA_DIR=str(tmp_path),
        VIGIE_STORAGE_KEY_FILE=str(key),
        VIGIE_ENV="production",
        VIGIE_SECRET_KEY=secrets.token_urlsafe(50),
        VIGIE_ALLOWED_HOSTS="vigie.example",
        VIGIE_ALLOW_SQLITE="yes",
    )
    assert answer.returncode == 1
    assert "the demo does not run under production settings" in answer.stderr


@pytest.mark.long
def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        everybody = [pid for leader in stack.pids().values() for pid in group(leader)]
        assert len(everybody) > len(stack.pids())
        stack.supervisor.kill()
        assert until(lambda: not any(map(running, everybody)))


def group(leader: int) -> list[int]:
    """Return the processes of a process group."""
    members = []
    for path in Path("/proc").glob("[0-9]*"):
        # Processes of other tests come and go meanwhile.
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(path.name)) == leader:
                members.append(int(path.name))
    return members


def test_docker_asks_the_web_server_and_the_workers_whether_they_live(
    live_stack: LiveStack, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = (live_stack.folder / "broker/valkey.conf").read_text("utf-8").splitlines()
    said = dict(line.split(" ", 1) for line in configuration)
    settings.REDIS_URL = f"redis://:{said['requirepass']}@127.0.0.1:{said['port']}/0"
    assert liveness.web_answers(int(live_stack.url.rsplit(":", 1)[1]))
    assert liveness.worker_lives("tabular,upkeep")
    assert not liveness.worker_lives("upkeep")
    assert not liveness.web_answers(1)


def test_waits_for_workers_but_not_for_a_package_that_will_not_come() -> None:
    found = {
        "database": True,
        "broker": True,
        "watch": True,
        "workers": {"imaging": 0, "signals": 1},
        "packages": {"sleep": ""},
    }
    assert missing_parts(found) == ["worker for imaging"]
    assert missing_packages(found) == ["sleep"]
    assert missing_parts({}) == ["web server"]


def test_nobody_else_on_this_machine_can_read_what_is_stored(live_stack: LiveStack) -> None:
    modes = {}
    for path in files_below(live_stack.folder):
        with contextlib.suppress(FileNotFoundError):
            modes[path.name] = path.stat().st_mode
    assert "vigie.sqlite3" in modes
    assert [name for name, mode in modes.items() if mode & 0o077 and name != "supervisor.txt"] == []

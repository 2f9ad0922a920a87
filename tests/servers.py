"""Throwaway servers for tests: PostgreSQL, Redis, the embedded broker and the whole running product."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest

from clinic import broker as embedded
from tests.machine import ROOT, postgres_bin

PATIENCE = int(os.environ.get("VIGIE_TEST_PATIENCE", "400"))
"""Seconds a running product may take to be ready on a machine busy with other tests."""


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address (``redis://...``) of an embedded broker of this session."""
    prepared = embedded.prepare(tmp_path_factory.mktemp("broker"))
    with _serving(prepared.command, int(prepared.url.rsplit(":", 1)[1].split("/")[0])):
        yield prepared.url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a throwaway Redis server; for tests marked ``redis``."""
    port = embedded.free_port()
    folder = tmp_path_factory.mktemp("redis")
    command = ("redis-server", "--port", str(port), "--bind", embedded.LOOPBACK, "--dir", str(folder))
    with _serving((*command, "--save", ""), port):
        yield f"redis://{embedded.LOOPBACK}:{port}/0"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Return the address of a throwaway PostgreSQL database; for tests marked ``postgres``.

    PostgreSQL refuses to run as root, so root starts it as ``nobody``, in a folder of theirs.
    """
    binaries = postgres_bin()
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="vigie-postgres-"))
    password, port = secrets.token_hex(8), embedded.free_port()
    (folder / "password").write_text(password, "ascii")
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, user)
    initialise = (f"{binaries}/initdb", "-D", f"{folder}/data", "-U", "vigie", "-E", "UTF8", "--locale=C",
                  "--auth=scram-sha-256", f"--pwfile={folder}/password", "--no-sync")  # fmt: skip
    serve = (f"{binaries}/postgres", "-D", f"{folder}/data", "-p", str(port), "-h", embedded.LOOPBACK,
             "-k", str(folder), "-c", "fsync=off")  # fmt: skip
    try:
        subprocess.run(initialise, user=user, check=True, capture_output=True, cwd=folder)
        with _serving(serve, port, user=user, stop=signal.SIGINT, cwd=folder):
            yield f"postgres://vigie:{password}@{embedded.LOOPBACK}:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@contextmanager
def _serving(
    command: Sequence[str],
    port: int,
    *,
    user: str | None = None,
    stop: signal.Signals = signal.SIGTERM,
    cwd: Path | None = None,
) -> Iterator[None]:
    server = subprocess.Popen(
        command, user=user, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for_port(port, server)
        yield
    finally:
        server.send_signal(stop)
        server.wait(timeout=PATIENCE)


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((embedded.LOOPBACK, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{server.args!r} does not answer on port {port} (exit status {server.poll()})")


@dataclass(frozen=True)
class LiveStack:
    """The product as ``make run`` starts it, with a database and files of its own.

    Parameters
    ----------
    url
        Address of the web server, without a slash at the end.
    password
        Of every demo login: midwife, radiologist, technician, physician, admin, steward.
    day
        When it was started, and the demo made: the tests may go on past midnight.
    """

    url: str
    password: str
    folder: Path
    environment: dict[str, str]
    supervisor: subprocess.Popen[bytes]
    day: date

    def pids(self) -> dict[str, int]:
        """Return the process of each service by name (``web``, ``tabular``, ``imaging``, ...)."""
        return json.loads((self.folder / "stack.json").read_text("utf-8"))["services"]

    def log(self, service: str) -> str:
        """Return what a service has logged."""
        return (self.folder / "log" / f"{service}.log").read_text("utf-8", errors="replace")

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py`` against the same database and files."""
        return subprocess.run(
            (sys.executable, "manage.py", *arguments),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="session")
def live_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """Run the product once per session, web server, broker, workers and all."""
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder in which processes work; what goes meanwhile is left out."""
    for inside, _, names in os.walk(folder):
        yield from (path for name in names if (path := Path(inside) / name).exists())


@contextmanager
def running_stack(folder: Path, **environment: str) -> Iterator[LiveStack]:
    """Start ``manage.py run_stack`` on ``folder``, yield it when it says it is ready, stop it at the end."""
    port, password = embedded.free_port(), secrets.token_urlsafe(12)
    foreign = ("DATABASE_URL", "REDIS_URL", "VIGIE_ENV", "DJANGO_ALLOW_ASYNC_UNSAFE")
    full = {key: value for key, value in os.environ.items() if key not in foreign} | {
        "VIGIE_DATA_DIR": str(folder),
        "PORT": str(port),
        "DEMO_PASSWORD": password,
        **environment,
    }
    output = folder / "supervisor.txt"
    day = datetime.now().astimezone().date()
    with output.open("wb") as stream:
        supervisor = subprocess.Popen(
            (sys.executable, "manage.py", "run_stack"), cwd=ROOT, env=full, stdout=stream, stderr=stream
        )
    try:
        _wait_until_ready(supervisor, folder, output)
        yield LiveStack(f"http://{embedded.LOOPBACK}:{port}", password, folder, full, supervisor, day)
    finally:
        _stop(supervisor, folder)


def _stop(supervisor: subprocess.Popen[bytes], folder: Path) -> None:
    """Stop the product as Ctrl-C does, and see that it went in good order and left nothing behind."""
    if supervisor.poll() is not None:
        return
    state = folder / "stack.json"
    services = json.loads(state.read_text("utf-8"))["services"] if state.exists() else {}
    supervisor.terminate()
    status = supervisor.wait(timeout=PATIENCE)
    left = [name for name, pid in services.items() if Path(f"/proc/{pid}").exists()]
    if status or left:
        raise RuntimeError(f"the product stopped with exit status {status} and left behind: {left}")


def _wait_until_ready(supervisor: subprocess.Popen[bytes], folder: Path, output: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while supervisor.poll() is None and time.monotonic() < deadline:
        state = folder / "stack.json"
        if state.exists() and json.loads(state.read_text("utf-8"))["ready"]:
            return
        time.sleep(0.2)
    raise RuntimeError(f"the product did not start:\n{output.read_text('utf-8', errors='replace')}")

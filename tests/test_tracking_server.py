"""``make mlflow``: nobody sees the book of trainings without the password, and who has it can write too."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
from mlflow.tracking import MlflowClient

from ml import package as packages
from ml.training import logged, tracking
from scripts import mlflow_server
from scripts.mlflow_server import KEPT_IN, OPEN, USER, Guarded, main, password_of

ROOT = Path(packages.__file__).parents[1]
SCRIPT = ROOT / "scripts" / "mlflow_server.py"
SECONDS_TO_START = 90


def asked(path: str = "/", authorization: str = "", kind: str = "http") -> list[dict[str, Any]]:
    """Return what a guarded application says that answers 200 to everybody whom it is shown."""
    said: list[dict[str, Any]] = []

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    headers = [(b"authorization", authorization.encode("latin-1"))] if authorization else []
    answering = Guarded(behind, "right")({"type": kind, "path": path, "headers": headers}, receive, send)
    # In a thread of its own: where browser tests ran before, this one has a loop that runs.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, answering).result()
    return said


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        "", "Bearer right", "Basic ", "Basic %%%", "Basic é", basic(USER, ""), basic(USER, "wrong"),
        basic("admin", "right"), basic(USER, "right").replace("Basic", "Digest"),
    ],
)  # fmt: skip
def test_nobody_is_let_in_without_the_password(authorization: str) -> None:
    answer = asked("/ajax-api/2.0/mlflow/runs/search", authorization)[0]
    assert answer["status"] == 401
    assert dict(answer["headers"])[b"www-authenticate"].startswith(b"Basic ")
    assert asked("/", authorization, kind="websocket") == [{"type": "websocket.close", "code": 1008}]


def test_the_password_lets_in_and_a_probe_of_health_needs_none() -> None:
    assert asked("/", basic(USER, "right"))[0]["status"] == 200
    assert asked(OPEN)[0]["status"] == 200
    assert asked(f"{OPEN}/../")[0]["status"] == 401


@pytest.mark.parametrize(
    "path",
    [
        "/ajax-api/3.0/mlflow/assistant/message", "/ajax-api/3.0/mlflow/gateway/secrets/get",
        "/gateway/x/invocations", "/ajax-api/2.0/mlflow/gateway-proxy", "/ajax-api/3.0/jobs",
    ],
)  # fmt: skip
def test_what_mlflow_brings_beside_its_book_is_closed_to_everybody(path: str) -> None:
    assert asked(path)[0]["status"] == 401
    assert asked(path, basic(USER, "right"))[0]["status"] == 404


def test_the_password_is_made_once_and_kept_from_everybody_else(tmp_path: Path) -> None:
    folder = tmp_path / "mlflow"
    made = password_of(folder)
    assert len(made) >= 32
    assert password_of(folder) == made
    assert stat.S_IMODE((folder / KEPT_IN).stat().st_mode) == 0o600
    (folder / KEPT_IN).chmod(0o640)
    with pytest.raises(PermissionError, match="chmod 600"):
        password_of(folder)
    assert password_of(tmp_path / "other") != made


def test_a_server_named_by_the_variable_is_left_to_its_own_interface(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.org")
    assert main(["--folder", str(tmp_path)]) == 2
    assert "https://mlflow.example.org" in capsys.readouterr().err


def test_it_listens_on_this_machine_only_unless_told_otherwise() -> None:
    assert mlflow_server.LOOPBACK == "127.0.0.1"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (recipe,) = (line for line in makefile.splitlines() if "mlflow_server.py" in line)
    assert "--host" not in recipe


def test_the_container_asks_for_the_password_too() -> None:
    stage = (ROOT / "Dockerfile").read_text("utf-8").partition("AS mlflow")[2]
    assert 'CMD ["python", "/srv/mlflow_server.py"' in stage
    assert '"mlflow", "server"' not in stage


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, str, subprocess.Popen[bytes]]]:
    """Start the real thing on a free port; yield its address, its password and its process."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    named = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, str(SCRIPT), "--folder", str(tmp_path / "mlflow"), "--port", str(port)]
    started = subprocess.Popen(command, env=named, cwd=tmp_path)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address, (tmp_path / "mlflow" / KEPT_IN).read_text("ascii").strip(), started
    finally:
        started.terminate()
        started.wait(timeout=30)


def _wait_for(address: str) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        try:
            if requests.get(address + OPEN, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise TimeoutError(address)


@pytest.mark.long
def test_a_training_writes_through_the_log_in_and_survives_the_server(
    server: tuple[str, str, subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, password, process = server
    pages = ("/", "/ajax-api/2.0/mlflow/registered-models/search", "/version")
    for page in pages:
        assert requests.get(address + page, timeout=30).status_code == 401
        assert requests.get(address + page, auth=(USER, "wrong"), timeout=30).status_code == 401
        assert requests.get(address + page, auth=(USER, password), timeout=30).status_code == 200
    closed = f"{address}/ajax-api/3.0/mlflow/assistant/config"
    assert requests.get(closed, auth=(USER, password), timeout=30).status_code == 404

    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    package = packages.read(packages.ROOT / "german_credit" / "1.1.0")
    try:
        with tracking.run("german_credit", "train", params={"seed": 1}) as run:
            run.metric("loss", 0.7, 1)
            run.package(package)
        assert not run.lost
        kept = MlflowClient().get_run(run.run_id)
        assert kept.info.status == "FINISHED"
        assert kept.data.tags["package.sha256"] == package.sha256
        model = logged.load_model(kept.data.tags[logged.MODEL_ID])
        assert set(model.predict(model.input_example)["status"]) == {"ok"}

        with tracking.run("german_credit", "train", params={}) as run:
            process.terminate()
            process.wait(timeout=30)
            run.metric("loss", 0.5, 1)
            run.package(package)
        assert run.lost
        assert "registry sync" in capsys.readouterr().err
    finally:
        mlflow.set_tracking_uri(before)

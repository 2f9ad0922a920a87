"""MLflow's interface behind a log-in: ``make mlflow``.

MLflow asks nobody for a password, and its own log-in is a second data base of people. Here one password, made
at the first start and readable by its owner alone, stands before every address but ``/health``. The interface
listens on this machine only. Needs MLflow and nothing of Vigie.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

USER, KEPT_IN = "vigie", "password"
LOOPBACK = "127.0.0.1"
OPEN, HINT = "/health", b"User vigie; the password lies beside the store.\n"
CHALLENGE = (b"www-authenticate", b'Basic realm="MLflow of Vigie", charset="UTF-8"')
# What MLflow brings beside its book: an assistant that runs programs, a way to models elsewhere, jobs.
CLOSED = frozenset({"assistant", "gateway", "gateway-proxy", "jobs"})
OWNER_ONLY = 0o600
SQLITE = "sqlite:///"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guarded:
    """An ASGI application behind HTTP Basic authentication.

    Parameters
    ----------
    app
        What is behind it.
    password
        Of the one user, :data:`USER`.
    """

    def __init__(self, app: App, password: str) -> None:
        self._app, self._expected = app, f"{USER}:{password}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through who knows the password; everybody else gets 401, and no connection that stays open."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not self._may(scope):
            await _refuse(scope, send, 401, HINT, CHALLENGE)
        elif CLOSED.intersection(scope["path"].split("/")[:5]):
            await _refuse(scope, send, 404, b"Closed here: this is the book of trainings.\n")
        else:
            await self._app(scope, receive, send)

    def _may(self, scope: Scope) -> bool:
        if scope["type"] == "http" and scope["path"] == OPEN:
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        scheme, _, encoded = given.partition(b" ")
        try:
            said = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        return scheme.lower() == b"basic" and secrets.compare_digest(said, self._expected)


async def _refuse(scope: Scope, send: Send, status: int, why: bytes, *headers: tuple[bytes, bytes]) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": why})
    else:
        await send({"type": "websocket.close", "code": 1008})


def password_of(folder: Path) -> str:
    """Return the password kept in a folder, made when there is none; nobody but its owner may read it.

    Raises
    ------
    PermissionError
        When others may read the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / KEPT_IN
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        if path.stat().st_mode & ~OWNER_ONLY & 0o777:
            raise PermissionError(f"{path} can be read by others: chmod 600 it, or delete it") from None
        return path.read_text("ascii").strip()
    made = secrets.token_urlsafe(24)
    with os.fdopen(handle, "w") as stream:
        stream.write(f"{made}\n")
    return made


def store_of(folder: Path) -> str:
    """Return the store that is shown: ``MLFLOW_TRACKING_URI``, or the one below ``folder``.

    Raises
    ------
    ValueError
        When the variable names a server, which has an interface of its own.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "") or f"{SQLITE}{folder / 'mlflow.db'}"
    if uri.startswith(("http://", "https://")):
        raise ValueError(f"MLFLOW_TRACKING_URI names a server, {uri}: open that address, or unset it")
    return uri


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; 2 when it cannot begin."""
    data = Path(os.environ.get("VIGIE_DATA_DIR") or Path(__file__).resolve().parents[1] / "var")
    parser = argparse.ArgumentParser(prog="make mlflow", description="MLflow's interface behind a log-in.")
    parser.add_argument("--folder", type=Path, default=data / "mlflow", metavar="DIR")
    parser.add_argument("--host", default=LOOPBACK, help="leave it, except inside a container")
    parser.add_argument("--port", type=int, default=int(os.environ.get("MLFLOW_PORT") or 5000))
    chosen = parser.parse_args(arguments)
    folder = chosen.folder.resolve()
    try:
        store, password = store_of(folder), password_of(folder)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"vigie: {error}\n")
        return 2
    sys.stderr.write(
        f"vigie: MLflow at http://{LOOPBACK}:{chosen.port} for user {USER}; "
        f"the password lies in {folder / KEPT_IN}\n"
    )
    _serve(store, folder, password, chosen.host, chosen.port)
    return 0


def _serve(store: str, folder: Path, password: str, host: str, port: int) -> None:
    # MLflow's server reads its settings from these while it is imported, as its own command sets them; a
    # process of a worker imports it again. Its version is pinned, and a test starts it.
    os.environ |= {
        "_MLFLOW_SERVER_FILE_STORE": store,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    import uvicorn
    from mlflow.server.fastapi_app import app

    uvicorn.run(Guarded(app, password), host=host, port=port, log_level="warning")


if __name__ == "__main__":
    sys.exit(main())

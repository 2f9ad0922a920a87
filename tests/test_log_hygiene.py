"""Nothing of a patient outside the database: a journey through the running product, and its traces."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import logging
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from redis import Redis

from clinic.celery import app
from clinic.logs import WithoutAddresses, logging_config
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from tests.servers import LiveStack, files_below

FAMILY, GIVEN, NUMBER = "Zzyzxwalrus", "Quetzalotter", "77100421993"
TYPED, REASON = "Xylophonemarmot", "Wombatreason"
SENTINELS = (FAMILY, GIVEN, NUMBER, TYPED, REASON)
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
SECONDS = 90


@dataclass
class Browser:
    """Somebody at the product: a browser with cookies, or a program with a token."""

    url: str
    token: str = ""
    addresses: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def send(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Send a request; remember the address it ended at, unless that was refused."""
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.url}{path}", data, headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=60) as answer:
                self.addresses.append(answer.url)
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def json(self, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> tuple[int, Any]:
        """Call the API."""
        data = None if body is None else json.dumps(body).encode()
        status, answer = self.send(path, data, Content_Type="application/json", **headers)
        return status, json.loads(answer)

    def form(self, path: str, **fields: str) -> tuple[int, bytes]:
        """Load a page and send its form."""
        token = TOKEN.search(self.send(path)[1].decode())[1]
        data = urllib.parse.urlencode(fields | {"csrfmiddlewaretoken": token}).encode()
        return self.send(path, data, Referer=f"{self.url}{path}")


@dataclass
class Overheard:
    """What the broker was told meanwhile, and the addresses the product led to."""

    commands: list[str]
    addresses: list[str]


@contextlib.contextmanager
def overhearing(url: str) -> Iterator[list[str]]:
    """Collect every command the broker gets."""
    heard: list[str] = []
    with Redis.from_url(url) as client, client.monitor() as monitor:

        def listen() -> None:
            with contextlib.suppress(Exception):
                for command in monitor.listen():
                    heard.append(command["command"])

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield heard
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline and not heard:
            time.sleep(0.1)


def broker_of(stack: LiveStack) -> str:
    """Return the address of the embedded broker of a running product."""
    said = dict(line.split(" ", 1) for line in (stack.folder / "broker/valkey.conf").read_text().splitlines())
    return f"redis://:{said['requirepass']}@127.0.0.1:{said['port']}/0"


def program(stack: LiveStack, name: str) -> Browser:
    """Return a program with a token of ``name``."""
    caller = Browser(stack.url)
    asked = {"username": name, "password": stack.password, "scopes": ["read", "submit", "review"]}
    status, answer = caller.json("/api/token", asked)
    assert status == 200, answer
    return Browser(stack.url, answer["token"])


def until_answered(caller: Browser, study: str) -> Mapping[str, Any]:
    """Wait until a study ends, and return it."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = caller.json(f"/api/studies/{study}")[1]
        if found["state"] in ("ready", "failed", "refused"):
            return found
        time.sleep(0.3)
    raise AssertionError("the study did not end")


@pytest.fixture(scope="module")
def overheard(live_stack: LiveStack) -> Overheard:
    """Make the whole journey of a patient whose every word is known."""
    with overhearing(broker_of(live_stack)) as heard:
        midwife = program(live_stack, "midwife")
        status, patient = midwife.json(
            "/api/patients",
            {
                "record_number": NUMBER,
                "family_name": FAMILY,
                "given_name": GIVEN,
                "birth_date": "1994-03-02",
                "sex": "F",
                "units": ["maternity"],
            },
        )
        assert status == 201, patient
        values = as_of(EXAMPLES[0], datetime.now(UTC))
        status, study = midwife.json(
            "/api/studies",
            {"algorithm": "haemorrhage", "patient": patient["id"], "values": values},
            Idempotency_Key="hygiene-of-logs",
        )
        assert status == 202, study
        assert until_answered(midwife, study["id"])["state"] == "ready"
        midwife.json("/api/patients/search", {"name": FAMILY})
        midwife.json(f"/api/studies/{study['id']}/review", {"verdict": "disagree", "reason": REASON})
        status, document = midwife.json(
            f"/api/studies/{study['id']}/documents", {"kind": "pdf", "language": "fr"}
        )
        assert status == 202, document
        # What goes wrong is where logs talk: malformed bodies, names typed into an address, wrong passwords.
        midwife.json("/api/studies", {"algorithm": FAMILY, "patient": NUMBER, "values": {FAMILY: GIVEN}})
        midwife.send(
            "/api/patients", f'{{"family_name": "{FAMILY}", '.encode(), Content_Type="application/json"
        )
        midwife.send(f"/patients/{FAMILY}/?name={GIVEN}&q={NUMBER}")
        midwife.send(f"/no-such-page/{FAMILY}", User_Agent=GIVEN, Referer=f"http://a.test/{NUMBER}")
        Browser(live_stack.url).json("/api/token", {"username": FAMILY, "password": TYPED})
        page = Browser(live_stack.url)
        page.form("/accounts/login/", login=FAMILY, password=TYPED)
        page.form("/accounts/login/", login="midwife", password=live_stack.password)
        assert FAMILY.encode() in page.form("/patients/", name=FAMILY)[1]
        assert FAMILY.upper().encode() in page.send(f"/patients/{patient['id']}/")[1].upper()
        page.send(f"/studies/{study['id']}/")
        boundary = "a-boundary-of-this-test"
        upload = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
            for name, more, value in (
                ("algorithm", "", "chest_xray"),
                ("patient", "", patient["id"]),
                ("file", f'; filename="{FAMILY}_{GIVEN}.png"', f"no picture of {TYPED}"),
            )
        )
        midwife.send(
            "/api/studies",
            f"{upload}--{boundary}--\r\n".encode(),
            Content_Type=f"multipart/form-data; boundary={boundary}",
            Idempotency_Key="hygiene-of-uploads",
        )
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            listed = midwife.json(f"/api/studies/{study['id']}/documents")[1]
            if all(one["state"] == "ready" for one in listed):
                break
            time.sleep(0.3)
    return Overheard(heard, midwife.addresses + page.addresses)


def named(text: str) -> list[str]:
    """Return the words of the journey found in ``text``."""
    return [word for word in SENTINELS if word.lower() in text.lower()]


def test_no_log_names_the_patient(overheard: Overheard, live_stack: LiveStack) -> None:
    logs = {
        path.name: path.read_text("utf-8", errors="replace")
        for path in files_below(live_stack.folder)
        if ".log" in path.name
    }
    assert any("Not Found" in text for text in logs.values()), "the web server logs what was not found"
    said = {name: named(text) for name, text in logs.items()} | {
        "supervisor": named((live_stack.folder / "supervisor.txt").read_text("utf-8"))
    }
    assert not any(said.values()), said
    assert not any(live_stack.password in text for text in logs.values())


def test_no_message_names_the_patient(overheard: Overheard, live_stack: LiveStack) -> None:
    sent = [command for command in overheard.commands if "predictions." in command]
    assert sent, "the broker was listened to"
    assert not named("\n".join(overheard.commands))
    with Redis.from_url(broker_of(live_stack)) as broker:
        left = [key.decode() for key in broker.scan_iter("celery-task-meta*")]
    assert left == [], "no result is kept in the broker"


def test_task_names_and_their_arguments_are_those_of_the_code(overheard: Overheard) -> None:
    app.loader.import_default_modules()
    tasks = {name for name in app.tasks if not name.startswith("celery.")}
    sent = set(re.findall(r"predictions\.[a-z_.]+", "\n".join(overheard.commands)))
    assert sent <= tasks
    bodies = re.findall(r'\\*"argsrepr\\*": \\*"(.*?)\\*", ', "\n".join(overheard.commands))
    assert bodies
    assert all(len(body) < 120 for body in bodies), "an id, and nothing more"


def test_no_address_names_the_patient(overheard: Overheard) -> None:
    assert len(overheard.addresses) > 5
    assert not named("\n".join(overheard.addresses))


def test_no_file_holds_or_is_called_what_the_database_should(
    overheard: Overheard, live_stack: LiveStack
) -> None:
    found = {}
    for path in files_below(live_stack.folder):
        if named(str(path.relative_to(live_stack.folder))):
            found[path] = "its name"
        # The database is where names belong; the demo's own files are of the demo's own patients.
        if path.name.startswith("vigie.sqlite3"):
            continue
        with contextlib.suppress(FileNotFoundError):
            content = path.read_bytes().lower()
            words = [word for word in SENTINELS if word.lower().encode() in content]
            if words:
                found[path] = words
    assert not found


def logged(form: str, **extra: Any) -> str:
    """Return what a log line looks like that somebody wrote with a patient in it."""
    config = logging_config(level="INFO", form=form)
    formatter = config["formatters"]["vigie"]
    made = formatter.pop("()")(**formatter)
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(made)
    log = logging.Logger("predictions.walrus")
    log.addHandler(handler)
    try:
        raise ValueError(f"{FAMILY} {NUMBER}")
    except ValueError:
        log.exception("analysis failed", extra=extra)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_log_line_leaves_out_what_an_exception_says_and_fields_it_does_not_know(form: str) -> None:
    line = logged(form, patient=FAMILY, body={"name": GIVEN}, study="9d2f", status=500)
    assert not named(line)
    assert "analysis failed" in line
    assert "ValueError" in line
    assert "9d2f" in line


def test_a_log_line_is_one_line_of_json_with_its_time_in_utc() -> None:
    line = logged("json", study="a\nfake: line")
    (only,) = line.splitlines()
    assert json.loads(only)["study"] == "a\nfake: line"
    assert json.loads(only)["timestamp"].endswith("Z")
    assert json.loads(only)["level"] == "error"


def test_an_unhealthy_answer_is_a_warning_and_no_error() -> None:
    match = SimpleNamespace(view_name="health")
    said = {"name": "django.request", "levelno": logging.ERROR, "levelname": "ERROR", "status_code": 503}
    record = logging.makeLogRecord(said | {"request": SimpleNamespace(resolver_match=match)})
    record.args = ("Service Unavailable", "/health")
    assert WithoutAddresses().filter(record)
    assert (record.levelno, record.levelname) == (logging.WARNING, "WARNING")

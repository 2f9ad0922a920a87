"""The nastiest inputs sent to the running product, and a colleague's work in the same queues."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ml.algorithms.chest_xray.simulate import film
from ml.algorithms.haemorrhage.examples import ADMISSIONS
from tests.hostile import corpus, recordings
from tests.hostile.case import Case, Intake, Wrong
from tests.servers import LiveStack, files_below
from tests.ward import children

PATIENCE = 240
ENDED = {"ready", "refused", "failed"}
ALGORITHMS = {
    Intake.EDF: ("sleep", "technician", "204816"),
    Intake.BDF: ("sleep", "technician", "204816"),
    Intake.DICOM: ("chest_xray", "radiologist", "204815"),
    Intake.PNG: ("chest_xray", "radiologist", "204815"),
    Intake.JPEG: ("chest_xray", "radiologist", "204815"),
}
OTHER = "physician"
"""Works in every unit of the demo: the colleague whose studies stand in the same queues."""
NASTY = (Wrong.BOMB, Wrong.HUGE, Wrong.POLYGLOT, Wrong.EXECUTABLE, Wrong.LYING)


class Program:
    """A program with the token of one member of the demo's staff."""

    def __init__(self, stack: LiveStack, username: str) -> None:
        self.url = stack.url
        self.headers = {"Accept-Language": "fr", "Accept": "application/json"}
        sent = {
            "username": username,
            "password": stack.password,
            "scopes": ["read", "submit"],
            "name": "test",
        }
        status, told = self.ask("/api/token", json.dumps(sent).encode(), "application/json")
        assert status == 200, told
        self.headers["Authorization"] = f"Token {told['token']}"

    def ask(self, path: str, body: bytes | None = None, kind: str = "", **more: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        headers = self.headers | ({"Content-Type": kind} if kind else {}) | more
        request = urllib.request.Request(f"{self.url}{path}", body, headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def patient(self, number: str) -> str:
        """Return the id of a patient by record number."""
        body = json.dumps({"record_number": number}).encode()
        status, told = self.ask("/api/patients/search", body, "application/json")
        assert status == 200, told
        found = told["results"] if isinstance(told, dict) else told
        return found[0]["id"]

    def submit(self, algorithm: str, number: str, *, file: bytes = b"", **fields: str) -> tuple[int, Any]:
        """Send a study as a browser's form would."""
        parts = {"algorithm": algorithm, "patient": self.patient(number)} | fields
        mark = uuid.uuid4().hex
        body = b"".join(
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in parts.items()
        )
        if file:
            body += (
                f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="../../x"\r\n'.encode()
            )
            body += b"Content-Type: application/octet-stream\r\n\r\n" + file + b"\r\n"
        body += f"--{mark}--\r\n".encode()
        kind = f"multipart/form-data; boundary={mark}"
        return self.ask("/api/studies", body, kind, **{"Idempotency-Key": uuid.uuid4().hex})

    def end(self, study: str) -> dict[str, Any]:
        """Wait for a study to end and return it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status, told = self.ask(f"/api/studies/{study}")
            assert status == 200, told
            if told["state"] in ENDED:
                return told
            time.sleep(0.3)
        raise AssertionError(f"study {study} did not end: {told['state']}")


def nastiest(intake: Intake) -> list[Case]:
    """Return a few inputs of the worst kinds, those that get past the first look among them."""
    chosen = [case for case in corpus.sample(intake, each=1) if case.wrong in NASTY and not case.sparse]
    return [case for case in chosen if len(case.make()) < 8 << 20]


def innocent(other: Program) -> dict[str, str]:
    """Have the colleague send one whole study to every queue."""
    buffer = io.BytesIO()
    Image.fromarray(film()).save(buffer, "PNG")
    values = {name: value for name, value in ADMISSIONS["typical"][1].items() if name != "birth_date"}
    sent = {
        "chest_xray": other.submit("chest_xray", "204815", file=buffer.getvalue()),
        "sleep": other.submit("sleep", "204816", file=recordings.whole(Intake.EDF)),
        "haemorrhage": other.submit("haemorrhage", "204811", values=json.dumps(values)),
    }
    assert {name: status for name, (status, _) in sent.items()} == dict.fromkeys(sent, 202), sent
    return {name: told["id"] for name, (_, told) in sent.items()}


def workers(stack: LiveStack) -> dict[str, set[int]]:
    """Return the processes of every worker, its pool children among them."""
    pids = stack.pids()
    return {name: {pids[name], *children(pids[name])} for name in ("imaging", "signals", "tabular")}


def stored(folder: Path, where: str) -> set[Path]:
    return set(files_below(folder / "private" / where))


def wait_for(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < deadline:
        time.sleep(0.3)
    return true()


def test_hostile_files_are_refused_and_a_colleagues_work_ends_as_ever(live_stack: LiveStack) -> None:
    programs = {name: Program(live_stack, name) for name in ("technician", "radiologist", OTHER)}
    before, uploads = workers(live_stack), stored(live_stack.folder, "uploads")
    accepted: dict[str, tuple[Case, Program]] = {}
    refused = 0
    for intake, (algorithm, who, number) in ALGORITHMS.items():
        for case in nastiest(intake):
            status, told = programs[who].submit(algorithm, number, file=case.make())
            assert status in (202, 422), (case.name, status, told)
            if status == 202:
                accepted[told["id"]] = (case, programs[who])
            else:
                refused += 1
                assert all(problem["code"] and problem["message"] for problem in told["problems"]), case.name
    waiting = innocent(programs[OTHER])
    assert accepted
    assert refused
    for study, (case, program) in accepted.items():
        ended = program.end(study)
        assert ended["state"] == "refused", (case.name, ended)
        assert all(problem["code"] and problem["message"] for problem in ended["problems"]), case.name
    for name, study in waiting.items():
        assert programs[OTHER].end(study)["state"] == "ready", name
    assert workers(live_stack) == before, "no worker and no child of one was lost"
    kept = len(stored(live_stack.folder, "uploads") - uploads)
    assert kept == len(accepted) + 2, "what was refused at the door left nothing"
    assert wait_for(lambda: not stored(live_stack.folder, "incoming"))
    for service in ("web", "imaging", "signals"):
        assert "Traceback" not in live_stack.log(service), service


@pytest.mark.long
def test_every_file_with_a_hole_is_refused_at_the_door(live_stack: LiveStack, tmp_path: Path) -> None:
    program = Program(live_stack, "radiologist")
    for case in corpus.of(Intake.PNG):
        if case.wrong is Wrong.SPARSE and case.sparse <= 70 << 20:
            status, told = program.submit("chest_xray", "204815", file=case.write(tmp_path).read_bytes())
            assert status in (202, 413, 422), (case.name, told)
            if status == 202:
                assert program.end(told["id"])["state"] == "refused", case.name
    assert wait_for(lambda: not stored(live_stack.folder, "incoming"))

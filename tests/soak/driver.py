"""Sends the studies of a plan as programs do, has things go wrong meanwhile, waits for the ends, checks."""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from clinic.accounts import tokens
from clinic.accounts.models import User
from clinic.accounts.roles import Scope
from clinic.outages import despite_outage
from patients.models import Patient
from predictions.models import Study
from tests import factories
from tests.probe import clock
from tests.soak import checks, plan
from tests.soak.plan import Happening, Sending
from tests.soak.product import Product, under_way
from tests.soak.report import Report, tables

MOST_WAITING = 8
TRY_AGAIN_SECONDS = 2.0
TRIES = 90
"""Three minutes of trying: the product is killed as a whole and started anew meanwhile."""
END_SECONDS = 600
LOOK_SECONDS = 0.2
"""Between two counts of what waits: the database of the product answers them."""
SENDERS = {"haemorrhage": "midwife", "chest_xray": "radiologist", "sleep": "technician"}
UNITS = {"haemorrhage": "maternity", "chest_xray": "radiology", "sleep": "sleep"}


def run(folder: Path, *, seed: int, studies: int, minutes: float) -> int:
    """Run a soak, or what is left of it, and print its tables; 0 when nothing was lost.

    Returns
    -------
    int
        1 when something was lost, 2 when the minutes were over before all was sent.
    """
    report = Report(folder / "report.jsonl")
    report.add(line="start", seed=seed, studies=studies)
    product = Product(folder)
    product.start()
    try:
        soak = Soak(product, report, until=time.monotonic() + 60 * minutes)
        complete = soak.go(plan.sendings(seed, studies), plan.happenings(seed, studies))
        _wait_for_ends()
    finally:
        product.stop()
    accepted = [line["id"] for line in report.lines("study") if line["id"]]
    faults = checks.faults(accepted)
    report.add(line="end", faults=faults, complete=complete)
    told = f"seed {seed}: {len(accepted)} studies accepted, {len(faults)} faults\n\n{tables(report)}"
    (folder / "report.md").write_text(told + "\n".join(faults), "utf-8")
    _say(told + "\n".join(f"LOST: {fault}" for fault in faults))
    return 1 if faults else 0 if complete else 2


class Soak:
    """One run over a plan."""

    def __init__(self, product: Product, report: Report, *, until: float) -> None:
        self._product, self._report, self._until = product, report, until
        self._going_wrong: threading.Thread | None = None
        self._secrets = {name: _token(sender) for name, sender in SENDERS.items()}
        self._patients = {name: _patient(unit) for name, unit in UNITS.items()}

    def go(self, sendings: list[Sending], happenings: list[Happening]) -> bool:
        """Send what was not sent yet, with what goes wrong in its place; ``False`` when time was over."""
        sent, happened = self._report.done("study"), self._report.done("event")
        waiting = [one for one in happenings if one.number not in happened]
        try:
            for sending in sendings:
                while waiting and waiting[0].after <= sending.number:
                    self._happens(waiting.pop(0))
                if sending.number not in sent:
                    if time.monotonic() > self._until:
                        return False
                    self._send(sending)
            return True
        finally:
            self._wait_until_right()

    def _happens(self, happening: Happening) -> None:
        """Have something go wrong while studies go on being sent; one thing at a time."""
        self._wait_until_right()
        line = {"number": happening.number, "what": happening.what, "worker": happening.worker}
        self._report.add(line="event", under_way=despite_outage(under_way, seconds=60), **line)
        _say(f"{happening.what} ({happening.worker})")
        self._going_wrong = threading.Thread(target=self._apart, args=(happening,))
        self._going_wrong.start()

    def _wait_until_right(self) -> None:
        if self._going_wrong is not None:
            self._going_wrong.join()

    def _apart(self, happening: Happening) -> None:
        try:
            self._product.do(happening)
        finally:
            connection.close()

    def _send(self, sending: Sending) -> None:
        """Send a study until somebody says what became of it, under one key all the while."""
        while len(despite_outage(under_way, seconds=60)) >= MOST_WAITING:
            time.sleep(LOOK_SECONDS)
        content = sending.content(clock.offset(self._product.clock))
        answer, tries = self._insist(sending, content)
        if sending.kind == "sent twice" and answer.get("id"):
            again = self._ask(sending, content)
            if again is not None and again.get("id") != answer["id"]:
                raise RuntimeError(f"study {sending.number} was taken twice")
        self._report.add(
            line="study", number=sending.number, kind=sending.kind, id=answer.get("id", ""), tries=tries
        )
        if sending.number % 25 == 24:
            _say(f"{sending.number + 1} sent")

    def _insist(self, sending: Sending, content: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Ask until there is an answer; return it with the number of tries."""
        if earlier := despite_outage(partial(_earlier, sending), seconds=60):
            return {"id": str(earlier.pk)}, 1
        for tries in range(1, TRIES + 1):
            answer = self._ask(sending, content)
            if answer is not None:
                return answer, tries
            time.sleep(TRY_AGAIN_SECONDS)
        raise RuntimeError(f"nobody took study {sending.number} after {TRIES} tries")

    def _ask(self, sending: Sending, content: dict[str, Any]) -> dict[str, Any] | None:
        """Post a study; ``None`` when nobody answered, or said to try again."""
        name = sending.algorithm
        headers = {
            "Authorization": f"Token {self._secrets[name]}",
            "Idempotency-Key": _key(sending),
        }
        fields = {"algorithm": name, "patient": self._patients[name]}
        if "file" in content:
            body = _multipart(fields, content["file"])
            headers["Content-Type"] = MULTIPART_CONTENT
        else:
            body = json.dumps(fields | content).encode()
            headers["Content-Type"] = "application/json"
        address = f"{self._product.stack.url}/api/studies"
        try:
            request = urllib.request.Request(address, body, headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            # A 4xx is an answer: not taken, and why. Of a 5xx nobody knows: the same is sent again.
            return {"refused": error.code} if error.code in (400, 409, 413, 422) else None
        except (OSError, http.client.HTTPException, ValueError):
            return None


def _wait_for_ends() -> None:
    deadline = time.monotonic() + END_SECONDS
    while despite_outage(under_way, seconds=60) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


def _earlier(sending: Sending) -> Study | None:
    """Return what became of a sending before this driver was started again."""
    return Study.objects.filter(idempotency_key=_key(sending)).first()


def _key(sending: Sending) -> str:
    return f"soak-{sending.number}"


def _multipart(fields: dict[str, str], content: bytes) -> bytes:
    upload = _Upload(content)
    return encode_multipart(BOUNDARY, fields | {"file": upload})


class _Upload:
    """What Django's encoder of forms takes for a file."""

    name = "study.bin"
    content_type = "application/octet-stream"

    def __init__(self, content: bytes) -> None:
        self.read: Callable[[], bytes] = lambda: content


def _token(username: str) -> str:
    scopes = [Scope.READ, Scope.SUBMIT]
    owner = User.objects.get(username=username)
    return tokens.issue(owner=owner, name="soak", scopes=scopes, lifetime=timedelta(days=30))[1]


def _patient(unit: str) -> str:
    made = Patient.objects.filter(family_name="Soak", units__code=unit).first()
    return str((made or factories.patient(factories.unit(unit), family_name="Soak")).pk)


def _say(line: str) -> None:
    sys.stdout.write(f"soak: {line}\n")
    sys.stdout.flush()

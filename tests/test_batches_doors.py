"""Batches from the API and the command line: the same batch, its result, and what is refused in words."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.accounts.roles import Scope
from clinic.audit.models import Action, Event
from ml import package as packages
from ml.package import BrokenPackage
from predictions.batches import progress
from predictions.batches.models import Batch, Stage
from predictions.deployments import selectors as deployments
from tests import factories
from tests.batches import WOMEN, admissions, archive, table, work_off

pytestmark = pytest.mark.django_db(transaction=True)
UNPROCESSABLE, CONFLICT = 422, 409


class Program:
    """A program of somebody's that calls the API with a token."""

    def __init__(self, owner: User, *scopes: Scope) -> None:
        self.client = Client(headers={"Authorization": f"Token {factories.token(owner, *scopes)}"})

    def send(self, content: bytes, *, key: str = "k", name: str = "in.csv", **fields: Any) -> Any:
        """Send a batch."""
        data = {"algorithm": "haemorrhage", "file": SimpleUploadedFile(name, content)} | fields
        return self.client.post("/api/batches", data, headers={"Idempotency-Key": key})

    def get(self, address: str, batch: str = "") -> Any:
        """Ask an address of a batch."""
        return self.client.get(reverse(address, args=[batch] if batch else []))


def test_a_program_sends_follows_and_takes_the_result(alice: User) -> None:
    program = Program(alice)
    response = program.send(table([*admissions(2), {"haemoglobin": "ten", "reference": "bad"}]))
    assert response.status_code == 202, response.content
    key = response.json()["id"]
    assert response["Location"] == reverse("api-batch", args=[key])
    assert response.json()["stage"] == "reading"
    early = program.client.get(reverse("api-batch-result", args=[key, "csv"]))
    assert (early.status_code, early.json()["problems"][0]["code"]) == (CONFLICT, "no_result")
    work_off(Batch.objects.get(pk=key))
    found = program.get("api-batch", key).json()
    assert (found["stage"], found["counts"]["ok"], found["counts"]["refused"]) == ("done", 2, 1)
    assert found["package_sha256"]
    (row,) = program.get("api-batch-rows", key).json()["results"]
    assert (row["row"], row["reference"], row["state"]) == (3, "bad", "refused")
    assert {"haemoglobin", "admission_at"} <= {problem["field"] for problem in row["problems"]}
    taken = program.client.get(reverse("api-batch-result", args=[key, "csv"]))
    assert "attachment" in taken["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(b"".join(taken.streaming_content).decode("utf-8-sig"))))
    assert [line["reference"] for line in lines] == ["R00000", "R00001", "bad"]
    taken = program.client.get(reverse("api-batch-result", args=[key, "parquet"]))
    assert b"".join(taken.streaming_content).startswith(b"PAR1")
    assert program.client.get(reverse("api-batch-result", args=[key, "xlsx"])).status_code == 404
    assert [found["id"] for found in program.get("api-batches").json()["results"]] == [key]
    assert program.client.delete(reverse("api-batch", args=[key])).status_code == 204
    assert program.get("api-batch", key).status_code == 404
    about = Event.objects.filter(kind="batch", object_id=key).values_list("action", flat=True)
    assert {Action.UPLOAD, Action.SUBMIT, Action.VIEW, Action.EXPORT, Action.DISCARD} <= set(about)


def test_a_batch_that_failed_as_a_whole_says_the_number_that_it_asks_people_to_tell(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(*_: Any) -> Any:
        raise RuntimeError("stumbled")

    monkeypatch.setattr("predictions.batches.taking_apart.rows", stumbling)
    program = Program(alice)
    key = program.send(table(admissions(1))).json()["id"]
    batch = work_off(Batch.objects.get(pk=key))
    found = program.get("api-batch", key).json()
    job = str(batch.chunks.get().pk)
    assert (found["stage"], found["job"], found["problems"][0]["code"]) == ("failed", job, "internal")
    kept, created = (datetime.fromisoformat(found[name]) for name in ("kept_until", "created_at"))
    assert (kept - created).days == 30
    assert found["kept_until"][-6:] == found["created_at"][-6:], "times of one answer have one form"
    visitor = Client()
    visitor.force_login(alice)
    assert job in visitor.get(reverse("batch", args=[key])).content.decode()


def test_columns_are_refused_at_the_column_in_the_language_of_the_program(alice: User) -> None:
    program = Program(alice)
    content = table([{name: value for name, value in WOMEN[0].items() if name != "parity"} | {"Parité": "1"}])
    response = program.send(content)
    assert response.status_code == UNPROCESSABLE
    (problem,) = response.json()["problems"]
    assert (problem["field"], problem["code"]) == ("columns.Parité", "unknown_column")
    assert "parity" in problem["message"]
    assert not Batch.objects.exists()
    named = program.send(content, columns=json.dumps({"Parité": "parity"}))
    assert named.status_code == 202
    for columns in ("[1]", '{"a": 1}', "{"):
        assert program.send(content, columns=columns).status_code == 400


def test_the_key_is_needed_and_gives_the_same_batch(alice: User) -> None:
    program, content = Program(alice), table(admissions(1))
    assert program.send(content, key="").json()["problems"][0]["code"] == "idempotency_key_missing"
    first, again = program.send(content).json(), program.send(content).json()
    assert first["id"] == again["id"]
    other = program.send(table(admissions(2)))
    assert (other.status_code, other.json()["problems"][0]["code"]) == (
        UNPROCESSABLE,
        "idempotency_key_reused",
    )


def test_a_program_withdraws_and_asks_again(alice: User) -> None:
    program = Program(alice)
    key = program.send(table(admissions(210))).json()["id"]
    batch = Batch.objects.get(pk=key)
    work_off(batch, most=2)
    assert program.client.post(reverse("api-batch-retry", args=[key])).status_code == CONFLICT
    taken = program.client.post(reverse("api-batch-withdraw", args=[key]))
    assert (taken.status_code, taken.json()["counts"]["withdrawn"]) == (200, 110)
    assert work_off(batch).stage == Stage.DONE
    again = program.client.post(reverse("api-batch-retry", args=[key]))
    assert (again.status_code, again.json()["counts"]["waiting"]) == (202, 110)
    work_off(batch)
    assert program.get("api-batch", key).json()["counts"]["ok"] == 210


def test_strangers_colleagues_and_the_steward_have_nothing_of_it(
    alice: User, bob: User, charlie: User, steward: User, admin: User
) -> None:
    key = Program(alice).send(table(admissions(1))).json()["id"]
    for other in (bob, steward):
        program = Program(other)
        assert program.get("api-batch", key).status_code == 404
        assert program.client.delete(reverse("api-batch", args=[key])).status_code == 404
        assert program.get("api-batches").json()["results"] == []
    assert Program(charlie).send(table(admissions(1))).status_code == 403
    assert Program(admin).get("api-batches").status_code == 403
    assert Program(steward).send(table(admissions(1))).status_code == 202
    assert Event.objects.filter(action=Action.REFUSED, kind="batch", actor=bob).count() == 2
    alice.units.clear()
    left = Program(alice).get("api-batch", key).status_code
    assert left == 404, "whoever has left the unit has left what was asked in it"


def test_a_unit_in_silence_gets_no_answers_this_way(
    alice: User, steward: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Program(alice).send(table(admissions(1)), key="before").json()["id"]
    monkeypatch.setattr("predictions.batches.access.is_silent", lambda unit, algorithm: True)
    assert deployments.is_silent(alice.units.get(), "haemorrhage") is False
    assert Program(alice).send(table(admissions(1))).status_code == 403
    assert Program(alice).get("api-batch", before).status_code == 200
    assert Program(steward).send(table(admissions(1))).status_code == 202


# ---- the command line


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command's waiting do the work, in place of the workers it waits for."""

    def work(_seconds: float) -> None:
        for batch in Batch.objects.filter(stage__in=("reading", "answering", "writing")):
            work_off(batch, most=1)

    monkeypatch.setattr("predictions.management.commands.batch.time.sleep", work)


def batch_command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[str, str]:
    call_command("batch", *map(str, arguments))
    said = capsys.readouterr()
    return said.out, said.err


def test_the_command_sends_waits_and_writes(
    alice: User, workers: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(table([*admissions(3), {"haemoglobin": "dix"}], delimiter=";"))
    asked = (source, "--algorithm", "haemorrhage", "--as", "alice", "--lang", "fr")
    told, heard = batch_command(capsys, *asked, "--out", out)
    assert "4 rows, 3 ok, 1 refused" in told
    assert "4: refused:" in heard
    assert "nombre" in heard
    assert out.stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "refused"]
    # The same files again: the same batch, nothing is computed twice.
    batch_command(capsys, *asked, "--out", tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes().startswith(b"PAR1")
    assert Batch.objects.count() == 1
    exports = Event.objects.filter(action=Action.EXPORT, kind="batch", actor=alice)
    assert exports.count() == 2


def test_the_command_goes_on_where_it_was_stopped(
    alice: User, workers: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes(table(admissions(250)))
    asked = (source, "--algorithm", "haemorrhage", "--as", "alice", "--out", out)
    pieces = iter(range(2))

    def stopped(_seconds: float) -> None:
        if next(pieces, None) is None:
            raise KeyboardInterrupt
        work_off(Batch.objects.get(), most=1)

    with monkeypatch.context() as patch:
        patch.setattr("predictions.management.commands.batch.time.sleep", stopped)
        with pytest.raises(KeyboardInterrupt):
            batch_command(capsys, *asked)
    assert Batch.objects.get().items.filter(state="ok").count() == progress.ROWS_A_CHUNK
    told, _heard = batch_command(capsys, *asked)
    assert "250 rows, 250 ok" in told


def test_the_command_called_again_asks_what_failed_again(
    alice: User, workers: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    source = tmp_path / "in.csv"
    source.write_bytes(table(admissions(2)))
    asked = (source, "--algorithm", "haemorrhage", "--as", "alice", "--out")

    def broken(*_: Any) -> Any:
        raise BrokenPackage("gone")

    with monkeypatch.context() as patch:
        patch.setattr(packages, "by_sha256", broken)
        with pytest.raises(CommandError, match="2 rows failed"):
            batch_command(capsys, *asked, tmp_path / "first.csv")
    told, _heard = batch_command(capsys, *asked, tmp_path / "second.csv")
    assert "2 rows, 2 ok" in told
    assert Batch.objects.count() == 1


def test_the_command_takes_a_folder(
    charlie: User, workers: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "films", tmp_path / "out.csv"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("no image")
    (folder / "deep" / "a.txt").write_text("no image")
    (folder / "deep" / ".DS_Store").write_text("of a system")
    (folder / "deep" / "b.zip").write_bytes(archive({"c.txt": b"no image either"}))
    told, heard = batch_command(capsys, folder, "--algorithm", "chest_xray", "--as", "charlie", "--out", out)
    assert "3 rows, 0 ok, 3 refused" in told
    assert "1 films/a.txt: refused:" in heard
    assert "2 films/deep/a.txt: refused:" in heard
    assert "1 files left out" in heard
    with out.open(encoding="utf-8-sig", newline="") as stream:
        assert [row["reference"] for row in csv.DictReader(stream)][:2] == ["films/a.txt", "films/deep/a.txt"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--as", "nobody"), "nobody called nobody"),
        (("--as", "charlie"), "charlie may not send batches"),
        (("--out", "out.xlsx"), "ends in .csv or .parquet"),
        (("--out", "nowhere/out.csv"), "no folder"),
        (("--column", "parity"), "COLUMN=FIELD"),
        (("--column", "parity=nonsense"), "“nonsense” is no field"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: tuple[str, ...], sentence: str, alice: User, charlie: User, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_bytes(table(admissions(1)))
    options = {"--as": "alice", "--out": "out.csv", "--algorithm": "haemorrhage"}
    options |= dict([arguments])
    flat = [part for pair in options.items() for part in pair]
    with pytest.raises(CommandError, match=sentence):
        call_command("batch", "in.csv", *flat)
    assert not Batch.objects.exists()

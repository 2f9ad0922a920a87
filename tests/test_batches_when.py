"""What is no longer given: answers during a silent evaluation, old answers unsaid, batches of before."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.audit.models import Action, Event
from ml import package as packages
from ml.contracts import Refused
from predictions.batches import answering, intake, selectors, services
from predictions.batches.models import Batch, Chunk, Item, Stage
from predictions.deployments.models import Deployment, Mode, Standing
from predictions.management.commands import watch_jobs
from tests import deploying
from tests.batches import admissions, sent, table, work_off
from tests.test_batches import read, stored
from tests.test_batches_doors import CONFLICT, UNPROCESSABLE, Program, batch_command, workers

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["workers"]


def silence() -> Deployment:
    """Have the unit evaluate the version in service in silence from now on."""
    return deploying.deployed(Mode.SILENT, of=packages.champion_version("haemorrhage"))


def end(deployment: Deployment) -> None:
    """End a silent evaluation."""
    Deployment.objects.filter(pk=deployment.pk).update(standing=Standing.ENDED)


def prepared(user: User, content: bytes) -> Batch:
    """Send a table from the page, its columns not named yet."""
    return intake.prepare(
        user=user,
        algorithm="haemorrhage",
        files=[ContentFile(content, "mai\u202e.csv")],
        idempotency_key="page",
        language="en",
    )


# ---- while a unit evaluates in silence


def test_a_table_prepared_before_is_not_answered_in_silence(alice: User, client: Client) -> None:
    batch = prepared(alice, table(admissions(2)))
    silent = silence()
    client.force_login(alice)
    address = reverse("batch_columns", args=[batch.pk])
    fields = {f"f-{index}": batch.columns[name] for index, name in enumerate(batch.header)}
    refused = client.post(address, fields)
    assert refused.status_code == UNPROCESSABLE
    assert "in silence" in refused.content.decode()
    batch.refresh_from_db()
    assert (batch.stage, batch.chunks.count()) == (Stage.PREPARED, 0)
    assert Event.objects.filter(action=Action.REFUSED, kind="batch", object_id=str(batch.pk)).exists()
    end(silent)
    assert client.post(address, fields).status_code == 302
    assert work_off(batch).stage == Stage.DONE


def test_what_waits_when_silence_begins_ends_withheld_and_what_was_answered_stays(alice: User) -> None:
    program = Program(alice)
    batch = Batch.objects.get(pk=program.send(table(admissions(150))).json()["id"])
    work_off(batch, most=2)
    silent = silence()
    rows = read(work_off(batch))
    assert [row["status"] for row in rows] == ["ok"] * 100 + ["withdrawn"] * 50
    assert {(row["risk"], row["problems"], row["reference"][0]) for row in rows[100:]} == {
        ("", "evaluated_in_silence", "R")
    }
    taken = program.client.get(reverse("api-batch-result", args=[batch.pk, "csv"]))
    assert b"".join(taken.streaming_content).count(b",ok,") == 100
    again = reverse("api-batch-retry", args=[batch.pk])
    refused = program.client.post(again)
    assert (refused.status_code, refused.json()["problems"][0]["code"]) == (CONFLICT, "evaluated_in_silence")
    with pytest.raises(Refused, match="evaluated_in_silence"):
        services.ask_again(user=alice, batch=batch)
    end(silent)
    assert program.client.post(again).status_code == 202
    assert {row["status"] for row in read(work_off(batch))} == {"ok"}


def test_answers_made_while_silence_begins_are_kept_by_nobody(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = sent(alice, table(admissions(2)))
    honest = answering.rows

    def meanwhile(*given: Any) -> Any:
        silence()
        return honest(*given)

    monkeypatch.setattr(answering, "rows", meanwhile)
    rows = read(work_off(batch))
    assert [(row["status"], row["risk"]) for row in rows] == [("withdrawn", "")] * 2
    assert not Chunk.objects.exclude(stored_name="").exists()
    kept = {*batch.outputs.values_list("stored_name", flat=True), batch.files.get().stored_name}
    assert stored() == kept


def test_a_steward_is_answered_in_silence(steward: User) -> None:
    batch = sent(steward, table(admissions(1)))
    silence()
    assert {row["status"] for row in read(work_off(batch))} == {"ok"}


# ---- the command: what gives the same batch, and how it says so


def test_the_command_says_that_a_batch_is_an_earlier_one_and_makes_a_new_one_of_other_answers(
    alice: User, workers: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    unit = Unit.objects.get(code="maternity")
    Unit.objects.filter(pk=unit.pk).update(incidence=0.02)
    source = tmp_path / "in.csv"
    source.write_bytes(table(admissions(1)))

    def asked(out: str, *more: object) -> tuple[str, str]:
        arguments = (source, "--algorithm", "haemorrhage", "--as", "alice", *more, "--out", tmp_path / out)
        _told, heard = batch_command(capsys, *arguments)
        return (tmp_path / out).read_text("utf-8-sig"), heard

    first, heard = asked("first.csv")
    assert "already" not in heard
    same, heard = asked("same.csv")
    assert same == first
    version = packages.serving("haemorrhage").version
    assert "already: answered on 20" in heard
    assert f"by version haemorrhage {version}" in heard
    Unit.objects.filter(pk=unit.pk).update(incidence=0.05)
    other, heard = asked("other.csv")
    assert "already" not in heard
    assert other != first
    _french, heard = asked("french.csv", "--lang", "fr")
    assert "already" not in heard
    promoted = deploying.version()
    monkeypatch.setattr(packages, "serving", lambda _algorithm: promoted)
    newer, heard = asked("promoted.csv")
    assert "already" not in heard
    assert promoted.version in newer
    assert Batch.objects.count() == 4


def test_a_key_of_ones_own_is_of_one_language_and_one_name(alice: User) -> None:
    content = table(admissions(1))
    first = sent(alice, content, key="monday")
    assert sent(alice, content, key="monday").pk == first.pk
    for how in ({"language": "fr"}, {"name": "other.csv"}):
        with pytest.raises(Refused, match="idempotency_key_reused"):
            sent(alice, content, key="monday", **how)


# ---- what was sent, and until when it is there


def test_pages_and_programs_are_told_the_name_of_what_was_sent(alice: User, client: Client) -> None:
    batch = work_off(sent(alice, table(admissions(1)), name="mai\u202e\x07.csv"))
    assert not batch.files.exists()
    client.force_login(alice)
    for address in (reverse("batch_list"), reverse("batch", args=[batch.pk])):
        assert "mai\ufffd\ufffd.csv" in client.get(address).content.decode()
    assert Program(alice).get("api-batch", str(batch.pk)).json()["file_name"] == "mai\ufffd\ufffd.csv"


@pytest.mark.parametrize("unnamed", [False, True])
def test_nothing_is_given_out_once_its_time_is_over(alice: User, settings: Any, unnamed: bool) -> None:
    settings.BATCH_DAYS = 7
    batch = prepared(alice, table(admissions(1))) if unnamed else work_off(sent(alice, table(admissions(1))))
    program = Program(alice)
    kept = selectors.kept_until(batch) - batch.created_at
    left = timezone.now() - kept + timedelta(minutes=1)
    Batch.objects.filter(pk=batch.pk).update(created_at=left)
    assert program.get("api-batch", str(batch.pk)).status_code == 200
    Batch.objects.filter(pk=batch.pk).update(created_at=left - timedelta(minutes=1))
    for response in (
        program.get("api-batch", str(batch.pk)),
        program.client.get(reverse("api-batch-result", args=[batch.pk, "csv"])),
        program.client.post(reverse("api-batch-retry", args=[batch.pk])),
    ):
        assert response.status_code == 404
    assert program.get("api-batches").json()["results"] == []


def test_a_watch_sweeps_soon_after_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is restarted more often than hourly deletes what is over all the same."""
    stop, since, now = threading.Event(), [], iter(range(0, 3600, 60))
    watch = SimpleNamespace(look=lambda: None, sweep=stop.set)
    monkeypatch.setattr(watch_jobs, "_say", lambda: None)
    monkeypatch.setattr(watch_jobs, "close_old_connections", lambda: None)
    clock = SimpleNamespace(monotonic=lambda: since.append(1) or next(now))
    monkeypatch.setattr(watch_jobs, "time", clock)
    monkeypatch.setattr(stop, "wait", lambda _pause: None)
    watch_jobs.Command()._follow(stop, watch)
    assert stop.is_set()
    assert len(since) * 60 < watch_jobs.SWEEP_SECONDS / 4


def test_a_key_is_free_again_once_its_batch_is_over(alice: User, settings: Any) -> None:
    settings.BATCH_DAYS = 7
    content = table(admissions(1))
    first = sent(alice, content, key="monday")
    Batch.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert sent(alice, content, key="monday").pk != first.pk
    assert Batch.objects.count() == 1
    assert not Item.objects.exists()

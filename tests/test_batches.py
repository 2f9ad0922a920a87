"""Many cases at once: answered in chunks, partly failing, interrupted, asked again, and gone in the end."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml import package as packages
from ml import registry
from ml.contracts import InputKind, Refused, Source
from ml.package import BrokenPackage
from ml.runner import run
from predictions import jobs, reap, sweep
from predictions.batches import answering, intake, layout, progress, services
from predictions.batches.models import Batch, BatchFile, Chunk, Item, Output, Stage, Step
from predictions.limits import TooSlow
from predictions.models import JobState
from predictions.storage import storage
from predictions.watch import Watch
from tests.batches import WOMEN, admissions, sent, table, work_off
from tests.machine import ROOT


def read(batch: Batch) -> list[dict[str, str]]:
    """Return the rows of the CSV of a batch."""
    kept = services.output(batch, "csv")
    with storage.open(kept.stored_name) as stream:
        return list(csv.DictReader(io.StringIO(stream.read().decode("utf-8-sig"))))


def parquet(batch: Batch) -> Any:
    kept = services.output(batch, "parquet")
    with storage.open(kept.stored_name) as stream:
        return pyarrow.parquet.read_table(io.BytesIO(stream.read()))


def stored() -> set[str]:
    """Return the names of all files in private storage."""
    root = Path(storage.location)
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


# ---- rows and their answers


def test_every_algorithm_has_a_layout_that_its_rows_fill():
    for contract in registry.contracts():
        door = registry.door(contract.name, "rows")
        assert tuple(column.name for column in layout.ANSWERS[contract.name]) == door.COLUMNS
        assert hasattr(door, "answers" if contract.input_kind is InputKind.FORM else "of_result")


def test_every_column_of_a_result_is_documented():
    said = (ROOT / "docs" / "batches.md").read_text("utf-8")
    for contract in registry.contracts():
        for column in layout.columns(contract.name):
            assert f"`{column.name}`" in said, column.name


@pytest.mark.django_db(transaction=True)
def test_a_table_is_answered_row_by_row_as_single_admissions_are(alice: User):
    broken = WOMEN[1] | {"haemoglobin": "ten", "reference": "=HYPERLINK(1)"}
    batch = work_off(sent(alice, table([*admissions(3), broken])))
    assert batch.stage == Stage.DONE
    rows = read(batch)
    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "refused"]
    assert [row["row"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0]["reference"] == "R00000"
    for row, woman in zip(rows, WOMEN, strict=False):
        single = run("haemorrhage", Source(values=woman), explain=False).result
        if row["status"] == "ok":
            assert float(row["risk"]) == pytest.approx(single["risk"], abs=1e-9)
    refused = rows[3]
    assert refused["risk"] == ""
    assert "haemoglobin: not_a_number" in refused["problems"].split("; ")
    assert "number" in refused["sentences"]
    serving = packages.serving("haemorrhage")
    assert {row["package_sha256"] for row in rows} == {serving.sha256}
    assert {row["package_version"] for row in rows} == {serving.version}


@pytest.mark.django_db(transaction=True)
def test_the_csv_runs_nothing_and_writes_a_point(alice: User):
    batch = work_off(sent(alice, table([WOMEN[0] | {"reference": "=1+1"}]), language="fr"))
    (row,) = read(batch)
    assert row["reference"] == "'=1+1"
    assert 0 < float(row["risk"]) < 1


@pytest.mark.django_db(transaction=True)
def test_parquet_read_back_holds_what_the_csv_holds(alice: User):
    batch = work_off(sent(alice, table([*admissions(4), {"haemoglobin": "ten"}])))
    made = parquet(batch)
    assert made.schema.metadata[b"package_sha256"].decode() == batch.package_sha256
    rows, columns = read(batch), layout.columns("haemorrhage")
    assert made.column_names == list(rows[0]) == [column.name for column in columns]
    assert all(made.schema.field(column.name).metadata[b"description"] for column in columns)
    for typed, said in zip(made.to_pylist(), rows, strict=True):
        assert {name: "" if cell is None else str(cell) for name, cell in typed.items()} == said


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_french_spreadsheet_is_read(alice: User, encoding: str):
    woman = WOMEN[0] | {"haemoglobin": "12,1", "previous_caesareans": "0", "preeclampsia": "non"}
    content = table([woman | {"remarque": "réglé"}], delimiter=";", encoding=encoding)
    batch = work_off(sent(alice, content, language="fr", columns={"remarque": ""}))
    (row,) = read(batch)
    assert row["status"] == "ok"
    source = Source(values=WOMEN[0])
    assert float(row["risk"]) == pytest.approx(run("haemorrhage", source, explain=False).result["risk"])


@pytest.mark.django_db(transaction=True)
def test_broken_rows_cost_themselves_alone(alice: User):
    good = table(admissions(2)).decode().splitlines()
    lines = [good[0], good[1], good[2] + ",more", good[2].replace("R00001", '"R00001'), good[2]]
    batch = work_off(sent(alice, "\n".join(lines).encode()))
    rows = read(batch)
    assert [row["status"] for row in rows] == ["ok", "refused", "refused", "ok"]
    assert "header" in rows[1]["sentences"]
    assert "not_a_row" in rows[2]["problems"]


@pytest.mark.django_db(transaction=True)
def test_reference_tasks_are_the_stewards(steward: User, alice: User, charlie: User, admin: User):
    content = table([{"duration": "24", "amount": "5000,50", "reference": "a"}], delimiter=";")
    batch = work_off(sent(steward, content, algorithm="german_credit"))
    (row,) = read(batch)
    assert (row["status"], row["label"] in {"good", "bad"}) == ("ok", True)
    assert "savings=" in row["imputed"]
    for stranger in (alice, charlie, admin):
        with pytest.raises(PermissionDenied):
            sent(stranger, content, algorithm="german_credit")
    with pytest.raises(PermissionDenied):
        sent(charlie, table([WOMEN[0]]))
    assert Event.objects.filter(action=Action.REFUSED, kind="batch").count() == 4


# ---- columns


def test_columns_are_told_before_anything_is_sent(alice: User):
    woman = {name: value for name, value in WOMEN[0].items() if name not in ("haemoglobin", "admission_at")}
    content = table([woman | {"Hémoglobine": "12,1", "couleur": "bleu"}])
    with pytest.raises(Refused) as refusal:
        sent(alice, content, columns={"nowhere": "parity", "parity": "no_such_field"})
    said = {(problem.field, problem.code): problem.message.fr for problem in refusal.value.problems}
    assert "« haemoglobin »" in said["columns.Hémoglobine", "unknown_column"]
    assert ("columns.couleur", "unknown_column") in said
    assert ("columns.nowhere", "no_such_column") in said
    assert ("columns.parity", "unknown_field") in said
    assert "admission_at" in said["columns", "column_missing"]
    assert not Batch.objects.exists()
    assert not stored()


def test_a_page_is_offered_what_the_columns_may_be_and_is_heard_once(alice: User):
    woman = WOMEN[0] | {"Hémoglobine": WOMEN[0]["haemoglobin"], "note": "x"}
    del woman["haemoglobin"]
    batch = intake.prepare(
        user=alice,
        algorithm="haemorrhage",
        files=[ContentFile(table([woman]), "in.csv")],
        idempotency_key="k",
        language="en",
    )
    assert (batch.stage, batch.columns["Hémoglobine"], batch.columns["note"]) == (
        Stage.PREPARED, "haemoglobin", "",
    )  # fmt: skip
    assert not batch.chunks.exists()
    with pytest.raises(Refused, match="field_twice"):
        intake.describe(user=alice, batch=batch, columns=batch.columns | {"note": "parity"})
    intake.describe(user=alice, batch=batch, columns=batch.columns)
    with pytest.raises(Refused, match="batch_moved_on"):
        intake.describe(user=alice, batch=batch, columns=batch.columns)
    assert work_off(batch).stage == Stage.DONE


# ---- the same batch once


@pytest.mark.django_db(transaction=True)
def test_a_key_is_one_batch_and_other_content_under_it_is_refused(alice: User, bob: User):
    content = table(admissions(2))
    first = sent(alice, content, key="monday")
    assert sent(alice, content, key="monday").pk == first.pk
    assert sent(bob, content, key="monday").pk != first.pk
    with pytest.raises(Refused, match="idempotency_key_reused"):
        sent(alice, table(admissions(3)), key="monday")
    assert Batch.objects.count() == 2
    assert stored() == sweep.named()


# ---- interrupted and gone on with


@pytest.mark.django_db(transaction=True)
def test_a_lost_worker_costs_its_chunk_another_try_and_no_row_twice(alice: User):
    batch = sent(alice, table(admissions(250)))
    work_off(batch, most=2)
    taken = Chunk.objects.filter(batch=batch, state=JobState.QUEUED).first()
    Chunk.objects.filter(pk=taken.pk).update(
        state=JobState.RUNNING, lease=taken.pk, lease_until=timezone.now()
    )
    work_off(batch)
    assert batch.stage == Stage.ANSWERING, "the result must wait for the chunk whose worker is lost"
    (kind,) = [kind for kind in jobs.reaped() if kind.model is Chunk]
    reap.recover(kind, Chunk.objects.get(pk=taken.pk))
    assert work_off(batch).stage == Stage.DONE
    assert [row["row"] for row in read(batch)] == [str(n) for n in range(1, 251)]
    assert batch.chunks.filter(step=Step.ANSWER).count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_chunk_whose_lease_is_lost_writes_nothing(alice: User):
    batch = sent(alice, table(admissions(5)))
    work_off(batch, most=1)
    chunk = batch.chunks.get(step=Step.ANSWER)
    Chunk.objects.filter(pk=chunk.pk).update(state=JobState.RUNNING, lease=chunk.pk)
    stale = Chunk.objects.get(pk=chunk.pk)
    stale.lease = batch.pk
    ending = jobs._attempt(progress.KIND, stale, progress.limits_of(stale))
    assert ending(stale) is False
    assert set(batch.items.values_list("state", flat=True)) == {"waiting"}


@pytest.mark.django_db(transaction=True)
def test_a_chunk_that_kills_its_worker_ends_in_words_and_is_asked_again(alice: User, settings: Any):
    batch = sent(alice, table(admissions(120)))
    work_off(batch, most=1)
    deadly = batch.chunks.filter(step=Step.ANSWER).order_by("offset").last()
    gone = {"state": JobState.RUNNING, "lease": deadly.pk, "lease_until": timezone.now()}
    Chunk.objects.filter(pk=deadly.pk).update(**gone, deaths=settings.STUDY_MAX_DEATHS - 1)
    work_off(batch)
    (kind,) = [kind for kind in jobs.reaped() if kind.model is Chunk]
    reap.recover(kind, Chunk.objects.get(pk=deadly.pk))
    work_off(batch)
    rows = read(batch)
    assert [row["status"] for row in rows] == ["ok"] * 100 + ["failed"] * 20
    assert "no attempt came to an end" in rows[-1]["sentences"]
    assert services.ask_again(user=alice, batch=batch) == 20
    batch.refresh_from_db()
    assert not batch.outputs.exists()
    work_off(batch)
    rows = read(batch)
    assert {row["status"] for row in rows} == {"ok"}
    assert [row["reference"] for row in rows] == [f"R{n:05}" for n in range(120)]
    with pytest.raises(Refused, match="nothing_to_repeat"):
        services.ask_again(user=alice, batch=batch)


@pytest.mark.django_db(transaction=True)
def test_a_row_we_stumble_over_fails_alone(alice: User, monkeypatch: pytest.MonkeyPatch):
    door = registry.door("haemorrhage", "rows")
    honest = door.answers

    def stumbling(package: Any, rows: Any) -> Any:
        if any(row.typed["parity"] == 0 for row in rows):
            raise RuntimeError("stumbled")
        return honest(package, rows)

    monkeypatch.setattr(door, "answers", stumbling)
    batch = work_off(sent(alice, table(admissions(6))))
    failed = [row for row in read(batch) if row["status"] == "failed"]
    assert 0 < len(failed) < 6
    assert "stumbled" not in str(failed)
    assert "defect" in failed[0]["sentences"]
    monkeypatch.undo()
    services.ask_again(user=alice, batch=batch)
    assert {row["status"] for row in read(work_off(batch))} == {"ok"}


@pytest.mark.django_db(transaction=True)
def test_what_nobody_began_is_withdrawn_and_the_rest_is_the_result(alice: User):
    batch = sent(alice, table(admissions(250)))
    work_off(batch, most=2)
    batch.refresh_from_db()
    assert services.withdraw(user=alice, batch=batch) == 150
    work_off(batch)
    rows = read(batch)
    assert [row["status"] for row in rows] == ["ok"] * 100 + ["withdrawn"] * 150
    assert services.ask_again(user=alice, batch=batch) == 150
    assert {row["status"] for row in read(work_off(batch))} == {"ok"}


@pytest.mark.django_db(transaction=True)
def test_one_package_answers_a_batch_and_one_that_is_gone_is_said(
    alice: User, monkeypatch: pytest.MonkeyPatch
):
    batch = sent(alice, table(admissions(2)))

    def broken(*_: Any) -> Any:
        raise BrokenPackage("gone")

    monkeypatch.setattr(packages, "by_sha256", broken)
    rows = read(work_off(batch))
    assert {row["status"] for row in rows} == {"failed"}
    assert "package" in rows[0]["problems"]
    monkeypatch.undo()
    services.ask_again(user=alice, batch=batch)
    assert {row["status"] for row in read(work_off(batch))} == {"ok"}


@pytest.mark.django_db(transaction=True)
def test_a_chunk_over_its_time_ends_as_a_whole_and_is_asked_again(
    alice: User, monkeypatch: pytest.MonkeyPatch
):
    """The end of its time is no defect of the row at hand, which would cost the next row its answer too."""
    door = registry.door("haemorrhage", "rows")

    def endless(package: Any, rows: Any) -> Any:
        raise TooSlow

    monkeypatch.setattr(door, "answers", endless)
    rows = read(work_off(sent(alice, table(admissions(2)))))
    assert [(row["status"], row["problems"]) for row in rows] == [("failed", "too_slow")] * 2


def test_a_table_with_a_header_alone_or_too_long_is_refused(alice: User, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Refused, match="no_rows"):
        sent(alice, table([WOMEN[0]]).splitlines()[0])
    with pytest.raises(Refused, match="not_a_table"):
        sent(alice, b"PK\x03\x04" + bytes(100))


@pytest.mark.django_db(transaction=True)
def test_more_rows_than_are_read_are_refused_by_the_worker(alice: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("predictions.batches.taking_apart.MOST_ROWS", 3)
    batch = work_off(sent(alice, table(admissions(4))))
    assert (batch.stage, batch.problem_list[0].code) == (Stage.REFUSED, "too_many_rows")
    assert not Item.objects.exists()


# ---- kept, encrypted, and gone


@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_batch_lies_readable_and_only_what_is_needed_lies_at_all(alice: User):
    batch = work_off(sent(alice, table([*admissions(2), {"parity": "many", "reference": "LIGHTHOUSE"}])))
    held = {file.holding for file in batch.files.all()}
    assert held == set(), "the table goes once nothing can be asked of it any more"
    root = Path(storage.location)
    assert stored() == sweep.named()
    assert not any(b"LIGHTHOUSE" in (root / name).read_bytes() for name in stored())


@pytest.mark.django_db(transaction=True)
def test_a_deleted_batch_leaves_its_audit_and_nothing_else(alice: User):
    batch = work_off(sent(alice, table(admissions(3))))
    key = str(batch.pk)
    services.delete(batch, actor=alice)
    assert not any(model.objects.exists() for model in (Batch, BatchFile, Chunk, Item, Output))
    assert not stored()
    actions = Event.objects.filter(kind="batch", object_id=key).order_by("pk")
    assert [event.action for event in actions] == [Action.UPLOAD, Action.SUBMIT, Action.DISCARD]
    assert "R0000" not in str([event.payload.data for event in actions])


@pytest.mark.django_db(transaction=True)
def test_a_batch_deleted_under_its_worker_stays_deleted(alice: User):
    batch = sent(alice, table(admissions(3)))
    work_off(batch, most=1)
    chunk = batch.chunks.get(step=Step.ANSWER)
    honest = answering.rows

    def deleted_meanwhile(*given: Any) -> Any:
        services.delete(Batch.objects.get(pk=batch.pk), actor=alice)
        return honest(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answering, "rows", deleted_meanwhile)
        jobs.work("batch", chunk.pk)
    assert not Batch.objects.exists()
    assert not Chunk.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_batch_goes_after_its_days_and_an_unnamed_table_after_one(alice: User, settings: Any):
    settings.BATCH_DAYS = 7
    old, fresh = sent(alice, table(admissions(1))), sent(alice, table(admissions(1)))
    unnamed = intake.prepare(
        user=alice,
        algorithm="haemorrhage",
        files=[ContentFile(table(admissions(1)), "in.csv")],
        idempotency_key="k",
        language="en",
    )
    now = timezone.now()
    Batch.objects.filter(pk=old.pk).update(created_at=now - timedelta(days=8))
    Batch.objects.filter(pk=unnamed.pk).update(created_at=now - timedelta(days=2))
    Batch.objects.filter(pk=fresh.pk).update(created_at=now - timedelta(days=6))
    Watch().sweep()
    assert list(Batch.objects.all()) == [fresh]
    assert stored() == sweep.named()

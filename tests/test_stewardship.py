"""A steward's training, step by step: each once, nothing half stored, the table gone at the end."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml.contracts import Refused
from predictions import sweep as stray
from predictions.reap import recover
from predictions.stewardship import columns, reap, run, services, table
from predictions.stewardship.models import Training
from predictions.stewardship.states import ENDED, WAYS, NoSuchWay, Stage, State, check
from predictions.storage import storage
from tests import trainings

pytestmark = pytest.mark.django_db

SHORT = "mother_id,admission_date,parity,blood_loss_ml"
LINE = "SYN-1,2025-01-01,0,300"
WIDE = ",".join(f"column_{index}" for index in range(300))
BAD_TABLES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty_file"),
    "values for a header": (b"1,2,3\n4,5,6\n", "no_header"),
    "blank lines": (b"\n \n\n", "empty_file"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(range(256)) * 10, "not_a_table"),
    "a picture": (b"\x89PNG\r\n" + bytes(range(256)) * 10, "not_a_table"),
    "one column": (b"births\n1\n2\n", "no_separator"),
    "300 columns": (f"{WIDE}\n{WIDE}\n".encode(), "table_too_wide"),
    "one endless line": (b"a,b" * 500_000, "table_too_wide"),
    "a header twice": (f"{SHORT},parity\n{LINE},1\n".encode(), "column_twice"),
    "a name missing": (f"{SHORT},\n{LINE},1\n".encode(), "table_no_header"),
    "no births": (f"{SHORT}\n".encode(), "table_no_rows"),
    "a text": (b"births, of this year: none\n\ncolumns:\n  mother: id\n  parity: p\n", "table_ragged"),
    "an open quotation mark": (f'{SHORT}\nSYN-1,"2025\n'.encode() + b"x" * 200_000, "table_damaged"),
}


def codes(refusal: Refused) -> list[str]:
    return [problem.code for problem in refusal.problems]


def stored() -> list[Path]:
    return [path for path in Path(settings.PRIVATE_ROOT).rglob("*") if path.is_file()]


def refused_upload(steward: User, content: bytes) -> list[str]:
    with pytest.raises(Refused) as caught:
        trainings.uploaded(steward, content)
    for problem in caught.value.problems:
        assert problem.message.en
        assert problem.message.fr
    return codes(caught.value)


@pytest.mark.parametrize("name", BAD_TABLES)
def test_what_is_no_table_is_refused_in_words_and_nothing_is_kept(steward: User, name: str) -> None:
    content, code = BAD_TABLES[name]
    assert code in refused_upload(steward, content)
    assert not Training.objects.exists()
    assert not stored()
    assert Event.objects.filter(action=Action.REFUSE_INPUT, actor=steward, kind="training").count() == 1


def test_a_table_above_the_limit_is_not_kept(steward: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "LARGEST_TABLE", 1000)
    assert refused_upload(steward, trainings.table()) == ["file_too_large"]
    assert not stored()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_are_read_as_spreadsheets_write_them(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = f"{delimiter.join(('id_mère', 'parité'))}\r\n{delimiter.join(('M1', '0'))}\r\n"
    (tmp_path / "births.csv").write_bytes(text.encode(encoding))
    head = table.read_head("haemorrhage", tmp_path / "births.csv")
    assert (head.header, head.rows) == (("id_mère", "parité"), (("M1", "0"),))


def test_an_upload_is_kept_once_whole_and_private(steward: User) -> None:
    first = trainings.uploaded(steward, key="one")
    again = trainings.uploaded(steward, key="one")
    assert first == again
    (path,) = stored()
    with storage.open(str(path.relative_to(settings.PRIVATE_ROOT))) as stream:
        assert stream.read() == trainings.table()
    assert path.stat().st_mode & 0o077 == 0
    assert (first.state, first.number, first.version) == (State.UPLOADED, 1, "site-0001")
    assert first.mapping["columns"]["blood_loss_ml"]["column"] == "blood_loss_ml"
    assert Event.objects.filter(action=Action.UPLOAD, object_id=str(first.pk)).count() == 1
    with pytest.raises(Refused) as caught:
        trainings.uploaded(steward, trainings.table(trainings.births(300)), key="one")
    assert codes(caught.value) == ["idempotency_key_reused"]
    assert len(stored()) == 1


def test_trainings_are_numbered_per_algorithm(steward: User) -> None:
    assert [trainings.uploaded(steward).number for _ in range(3)] == [1, 2, 3]


def test_a_mapping_is_refused_at_its_columns(steward: User) -> None:
    training = trainings.uploaded(steward)
    without = training.mapping | {
        "columns": {k: v for k, v in training.mapping["columns"].items() if k != "mother"}
    }
    with pytest.raises(Refused) as caught:
        services.describe(user=steward, training=training, mapping=without)
    assert [(p.code, p.field) for p in caught.value.problems] == [("not_mapped", "mother")]
    with pytest.raises(Refused) as caught:
        services.describe(user=steward, training=training, mapping={})
    assert codes(caught.value) == ["no_mapping"]
    training.refresh_from_db()
    assert training.state == State.UPLOADED


def test_a_mapping_of_another_file_is_said_in_one_sentence(steward: User) -> None:
    training = trainings.uploaded(steward)
    other = {"columns": {"mother": {"column": "ipp"}, "parity": {"column": "pare"}, "bmi": {"column": "imc"}}}
    problems = columns.check("haemorrhage", training.header, other)
    assert problems[0].code == "mapping_of_another_file"
    assert "3" in problems[0].message.fr


def test_the_table_is_read_by_a_worker_and_only_counts_are_kept(steward: User) -> None:
    training = trainings.read(trainings.uploaded(steward))
    assert (training.state, training.stage) == (State.CHECKED, Stage.REPORT)
    assert (training.report["births"], training.report["events"]) == (400, 20)
    assert "SYN-" not in str(training.report)
    assert training.stored_name
    assert training.lease is None


def test_a_table_refused_at_its_report_goes_back_to_its_columns(steward: User) -> None:
    nobody_bled = [[*line[:4], "300"] for line in trainings.births()]
    training = trainings.read(trainings.uploaded(steward, trainings.table(nobody_bled)))
    assert training.state == State.UPLOADED
    assert training.problems
    assert training.stored_name


def test_a_second_click_finds_nothing_to_do(steward: User) -> None:
    training = trainings.read(trainings.uploaded(steward))
    for _click in range(2):
        services.start(user=steward, training=training)
    assert (training.state, training.stage) == (State.QUEUED, Stage.TRAINING)
    assert Event.objects.filter(action=Action.TRAIN, object_id=str(training.pk)).count() == 1
    assert run.claim(training.pk)
    assert run.claim(training.pk) is None


def test_a_training_is_not_started_before_its_table_was_read(steward: User) -> None:
    training = trainings.uploaded(steward)
    services.describe(user=steward, training=training, mapping=training.mapping)
    with pytest.raises(Refused) as caught:
        services.start(user=steward, training=training)
    assert codes(caught.value) == ["training_moved_on"]


def test_a_withdrawn_table_is_gone(steward: User, django_capture_on_commit_callbacks: Any) -> None:
    training = trainings.uploaded(steward)
    with django_capture_on_commit_callbacks(execute=True):
        services.withdraw(user=steward, training=training)
    training.refresh_from_db()
    assert (training.state, training.stored_name, stored()) == (State.WITHDRAWN, "", [])
    assert Event.objects.filter(action=Action.DISCARD, actor=steward).count() == 1
    with pytest.raises(Refused):
        services.withdraw(user=steward, training=training)


def test_a_table_nobody_trained_on_is_deleted_after_a_day(
    steward: User, django_capture_on_commit_callbacks: Any
) -> None:
    old = trainings.uploaded(steward, uploaded_at=timezone.now() - timedelta(hours=25))
    new = trainings.uploaded(steward)
    with django_capture_on_commit_callbacks(execute=True):
        reap.sweep()
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, new.state) == (State.WITHDRAWN, State.UPLOADED)
    assert [str(path.relative_to(settings.PRIVATE_ROOT)) for path in stored()] == [new.stored_name]


def test_the_sweep_of_stray_files_leaves_tables_that_are_waiting(steward: User) -> None:
    training = trainings.uploaded(steward)
    (path,) = stored()
    os.utime(path, (0, 0))
    stray.sweep()
    assert [str(p.relative_to(settings.PRIVATE_ROOT)) for p in stored()] == [training.stored_name]


def abandoned(training: Training) -> None:
    """Have the watch find that nobody renews the lease of a training."""
    recover(reap.TRAININGS, Training.objects.get(pk=training.pk))


def lose(training: Training) -> None:
    """Have a worker take a training and vanish."""
    assert run.claim(training.pk)
    abandoned(training)
    training.refresh_from_db()


def test_a_lost_worker_is_found_and_the_second_loss_ends_it(
    steward: User, django_capture_on_commit_callbacks: Any
) -> None:
    training = trainings.uploaded(steward)
    services.describe(user=steward, training=training, mapping=training.mapping)
    with django_capture_on_commit_callbacks(execute=True):
        lose(training)
        assert (training.state, training.deaths, training.lease) == (State.QUEUED, 1, None)
        lose(training)
    assert (training.state, [p.code for p in training.problem_list]) == (State.FAILED, ["stopped_the_worker"])
    assert stored() == []


def test_an_outcome_after_the_lease_was_lost_is_dropped(steward: User) -> None:
    training = trainings.uploaded(steward)
    services.describe(user=steward, training=training, mapping=training.mapping)
    late = run.claim(training.pk)
    abandoned(training)
    run.run(late)
    training.refresh_from_db()
    assert (training.state, training.report) == (State.QUEUED, None)


def test_a_defect_ends_in_words_and_the_table_is_gone(
    steward: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(run.WORK, Stage.REPORT, broken)
    with django_capture_on_commit_callbacks(execute=True):
        training = trainings.read(trainings.uploaded(steward))
    assert (training.state, [p.code for p in training.problem_list]) == (State.FAILED, ["internal"])
    assert stored() == []


def test_states_lead_only_where_the_table_says() -> None:
    for state in ENDED:
        assert not WAYS[state]
    with pytest.raises(NoSuchWay):
        check(State.UPLOADED, State.ACCEPTED)

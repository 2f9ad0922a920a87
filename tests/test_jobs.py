"""Background jobs: behind every study, never lost, never done twice, their end in words.

The jobs are those of a shadow, the first kind there was; what one does is the probe's.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from redis import Redis

from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml import package as packages
from ml import registry
from ml.contracts import Limits
from predictions import jobs, queue
from predictions.deployments.models import Deployment, Mode, ShadowAnswer, Standing
from predictions.deployments.shadows import KIND
from predictions.models import JobState, Study
from predictions.reap import Reaper, recover
from predictions.states import State
from tests import factories, job_probe, own_database, probe, studies
from tests import ward as wards
from tests.test_lost_jobs import queue_body
from tests.ward import Ward, began, end, wait_for

LIMITS = Limits(seconds=1, memory_bytes=256 * 2**20)


def asked(study: Study) -> ShadowAnswer:
    """Write the row of a job about a study, which the version in service refused."""
    serving = packages.load(probe.NAME)
    steward = factories.staff(f"steward-{study.pk}", Role.STEWARD)
    now = timezone.now()
    # Ended again in a test's own way: one shadow of a version runs in a unit at a time.
    Deployment.objects.update(standing=Standing.ENDED)
    deployment = Deployment.objects.create(
        algorithm=probe.NAME, unit=study.unit, version=serving.version, package_sha256=serving.sha256,
        mode=Mode.SHADOW, standing=Standing.RUNNING, reason="x", proposed_by=steward, proposed_at=now,
    )  # fmt: skip
    return ShadowAnswer.objects.create(
        algorithm=probe.NAME, queued_at=now, deployment=deployment, study=study,
        serving_version=serving.version, serving_sha256="0" * 64,
    )  # fmt: skip


# --- one job in this process --------------------------------------------------------------------


@pytest.fixture
def row(db: None, monkeypatch: pytest.MonkeyPatch) -> ShadowAnswer:
    """Return a job that waits, of the probe."""
    monkeypatch.setitem(registry.ALGORITHMS, probe.NAME, probe.__name__)
    registry.contract.cache_clear()
    monkeypatch.setattr(job_probe, "written", [])
    midwife = factories.staff("job-alice", Role.MIDWIFE, factories.unit())
    return asked(studies.waiting(midwife, factories.patient(), state=State.READY))


@pytest.fixture(autouse=True)
def the_real_contracts() -> Iterator[None]:
    """Leave no contract of the probe behind."""
    yield
    registry.contract.cache_clear()


def works(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs do what a function of the probe does."""
    kind = replace(KIND, work=f"tests.job_probe.{name}", limits_of=lambda row: LIMITS)
    monkeypatch.setitem(jobs._kinds, kind.name, kind)


def worked(row: ShadowAnswer, name: str, monkeypatch: pytest.MonkeyPatch) -> ShadowAnswer:
    """Do a job in this process, as a worker would."""
    works(name, monkeypatch)
    jobs.work("shadow", row.pk)
    row.refresh_from_db()
    return row


def test_a_job_done_is_written_with_what_belongs_to_it(
    row: ShadowAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked(row, "done", monkeypatch)
    assert (row.state, row.result, row.lease, row.attempts) == (JobState.DONE, {"risk": 0.04}, None, 1)
    assert row.started_at <= row.finished_at
    assert job_probe.written == [str(row.pk)]
    jobs.work("shadow", row.pk)  # a second message
    assert job_probe.written == [str(row.pk)]


def test_a_job_whose_lease_is_lost_writes_nothing(row: ShadowAnswer, monkeypatch: pytest.MonkeyPatch) -> None:
    worked(row, "stolen", monkeypatch)
    assert (row.state, row.result, row.finished_at) == (JobState.RUNNING, None, None)
    assert job_probe.written == []


@pytest.mark.parametrize(
    ("name", "state", "code"),
    [
        ("refused", JobState.REFUSED, "probe_refused"),
        ("defective", JobState.FAILED, "internal"),
        ("slow", JobState.FAILED, "too_slow"),
        ("greedy", JobState.FAILED, "out_of_memory"),
        ("unwritable", JobState.FAILED, "internal"),
    ],
)
def test_a_job_that_cannot_be_done_ends_in_words_and_in_the_audit(
    row: ShadowAnswer, monkeypatch: pytest.MonkeyPatch, name: str, state: JobState, code: str
) -> None:
    worked(row, name, monkeypatch)
    assert (row.state, row.lease, row.result) == (state, None, None)
    (problem,) = row.problem_list
    assert problem.code == code
    assert "LANTERN" not in problem.message.en
    event = Event.objects.get(action=Action.FAIL, kind="shadow", object_id=str(row.pk))
    assert json.loads(event.payload.content) == {"algorithm": probe.NAME, "codes": [code]}


def test_a_database_that_is_away_is_no_defect_of_the_job(
    row: ShadowAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked(row, "without_database", monkeypatch)
    assert (row.state, row.problems) == (JobState.RUNNING, [])
    (kind,) = [kind for kind in jobs.reaped() if kind.model is ShadowAnswer]
    recover(kind, row)
    row.refresh_from_db()
    assert (row.state, row.deaths) == (JobState.QUEUED, 1)
    assert worked(row, "done", monkeypatch).state == JobState.DONE


def test_a_kind_says_what_becomes_of_a_job_that_was_lost(
    row: ShadowAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[Any] = []
    works("defective", monkeypatch)
    monkeypatch.setitem(jobs._kinds, "shadow", replace(jobs.kind("shadow"), lost=lost.append))
    jobs.work("shadow", row.pk)
    assert lost == [row]


def test_a_job_can_be_taken_back_until_it_begins(row: ShadowAnswer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert jobs.withdraw(row)
    assert worked(row, "done", monkeypatch).state == JobState.WITHDRAWN
    ShadowAnswer.objects.filter(pk=row.pk).update(state=JobState.RUNNING)
    assert not jobs.withdraw(row)


def test_without_a_broker_a_job_waits_until_the_watch_sends_it(
    row: ShadowAnswer, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        jobs.start(row)
    row.refresh_from_db()
    assert (row.state, row.sent_at) == (JobState.QUEUED, None)
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(jobs, "wake", lambda *args, **options: sent.append((args, options)) or True)
    for kind in jobs.reaped():
        Reaper(kind).look()
    ((task, message, name), options), *more = sent
    assert more == []
    assert (task, message, name) == (jobs.WORK, {"kind": "shadow", "job_id": str(row.pk)}, "tabular")
    assert options == {"time_limit": 4 + queue.HARD_LIMIT_GRACE, "priority": queue.JOB_PRIORITY}


def test_a_job_of_no_kind_is_a_defect_that_says_so() -> None:
    with pytest.raises(jobs.UnknownKind, match="shadow"):
        jobs.kind("nothing")


# --- with a worker and a broker -----------------------------------------------------------------


@pytest.fixture(scope="module")
def ward(
    tmp_path_factory: pytest.TempPathFactory, empty_sqlite: Path, django_db_blocker: Any
) -> Iterator[Ward]:
    """Return a ward on a database file, with a watch that looks every half second."""
    folder = tmp_path_factory.mktemp("job-ward")
    url = own_database.copied(empty_sqlite, folder / "ward.sqlite3")
    with wards.opened(folder, url, django_db_blocker) as ward:
        yield ward


@pytest.fixture
def files_of_the_ward(ward: Ward, private_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep files where the workers of the ward find them."""
    monkeypatch.setattr(settings, "PRIVATE_ROOT", ward.folder / "private")
    monkeypatch.setitem(registry.ALGORITHMS, probe.NAME, probe.__name__)
    registry.contract.cache_clear()


def started(ward: Ward, **values: Any) -> ShadowAnswer:
    """Have a job about a study that does as ``values`` say, once its transaction is committed."""
    with transaction.atomic():
        study = studies.waiting(ward.midwife, ward.patient, values=values, state=State.READY)
        row = asked(study)
        jobs.start(row)
    row.refresh_from_db()
    return row


def over(row: ShadowAnswer) -> ShadowAnswer:
    """Wait until a job has come to an end."""

    def ended() -> bool:
        row.refresh_from_db()
        return row.state not in (JobState.QUEUED, JobState.RUNNING)

    wait_for(ended)
    return row


@pytest.mark.long
@pytest.mark.usefixtures("files_of_the_ward")
def test_jobs_go_behind_every_study_and_their_messages_carry_ids_alone(ward: Ward) -> None:
    waiting = [started(ward, behaviour="answer", secret="LANTERN Claire") for _job in range(3)]
    study = ward.submit(behaviour="answer")
    with Redis.from_url(ward.broker) as client:
        assert client.llen("tabular") == 1
        bodies = client.lrange(f"tabular{queue.PRIORITY_SEPARATOR}{queue.JOB_PRIORITY}", 0, -1)
    assert [str(row.pk) in queue_body(body) for row, body in zip(waiting, reversed(bodies), strict=True)]
    assert not any("LANTERN" in queue_body(body) for body in bodies)
    with ward.worker("tabular"):
        assert end(study).state == State.READY
        for row in waiting:
            assert (over(row).state, row.result) == (JobState.DONE, {"risk": 0.04})
            assert row.started_at >= study.finished_at
    assert [row.started_at for row in waiting] == sorted(row.started_at for row in waiting)


@pytest.mark.long
@pytest.mark.usefixtures("files_of_the_ward")
def test_a_killed_child_and_a_killed_worker_lose_no_job(ward: Ward) -> None:
    mark, other = ward.mark("job-child"), ward.mark("job-worker")
    with ward.worker("tabular") as worker:
        row = started(ward, behaviour="sleep", seconds=1.5, mark=str(mark))
        (child,) = wait_for(partial(began, mark))
        os.kill(child, signal.SIGKILL)
        assert (over(row).state, row.deaths, len(began(mark))) == (JobState.DONE, 1, 2)
        row = started(ward, behaviour="sleep", seconds=1.5, mark=str(other))
        wait_for(partial(began, other))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    with ward.worker("tabular"):
        assert (over(row).state, row.deaths, len(began(other))) == (JobState.DONE, 1, 2)


@pytest.mark.long
@pytest.mark.usefixtures("files_of_the_ward")
def test_a_job_that_kills_its_worker_twice_ends_and_a_lost_message_is_sent_again(ward: Ward) -> None:
    lost = started(ward, behaviour="answer")
    with Redis.from_url(ward.broker) as client:
        client.flushdb()
    with ward.worker("tabular"):
        assert over(lost).state == JobState.DONE
        row = started(ward, behaviour="die")
        assert (over(row).state, row.deaths) == (JobState.FAILED, 2)
    assert [problem.code for problem in row.problem_list] == ["stopped_the_worker"]
    assert Event.objects.filter(action=Action.FAIL, kind="shadow", object_id=str(row.pk)).count() == 1

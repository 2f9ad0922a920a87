"""One analysis under its lease and within its limits, written down whole or not at all."""

from __future__ import annotations

import logging
import os
import resource
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from clinic.logs import logging_config
from ml import package as packages
from ml import registry
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.package import BrokenPackage
from patients.models import Patient
from predictions import intake, lease, queue, run, sweep
from predictions.models import Prediction, StoredArtefact, Study
from predictions.states import State
from predictions.watch import Watch
from tests import probe
from tests.studies import analysed, waiting, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put the probe in haemorrhage's place for one test."""
    monkeypatch.setitem(registry.ALGORITHMS, probe.NAME, probe.__name__)
    registry.contract.cache_clear()
    yield
    registry.contract.cache_clear()


@pytest.fixture
def ask(alice: User, claire: Patient, probed: None) -> Any:
    """Return a function that has the probe asked to behave in some way, and waits for the end."""
    return lambda **values: analysed(waiting(alice, claire, values=values))


def kept_files() -> list[Path]:
    return [path for path in Path(settings.PRIVATE_ROOT).rglob("*") if path.is_file()]


def codes(study: Study) -> list[str]:
    return [problem.code for problem in study.problem_list]


def test_a_real_admission_is_answered_explained_and_recorded(alice: User, claire: Patient) -> None:
    study = intake.submit(
        user=alice,
        patient=claire,
        algorithm="haemorrhage",
        values=as_of(EXAMPLES[0], timezone.now()),
        idempotency_key="k",
    )
    analysed(study)
    assert (study.state, study.lease) == (State.READY, None)
    package = packages.load("haemorrhage")
    prediction = study.prediction
    assert 0 < prediction.result["risk"] < 1
    assert prediction.package_sha256 == prediction.explanation.package_sha256 == package.sha256
    assert prediction.explanation.status == "ok"
    assert prediction.explanation.sentence["fr"]
    actions = Event.objects.filter(study=study.pk).values_list("action", flat=True)
    assert list(actions) == [Action.SUBMIT, Action.PREDICT, Action.EXPLAIN]


def test_the_answer_is_kept_whole_with_its_files(ask: Any) -> None:
    study = ask(behaviour="answer")
    assert study.state == State.READY
    assert {a.name for a in study.prediction.artefacts.all()} == {"probe.txt", "why.txt"}
    assert len(kept_files()) == 2


@pytest.mark.parametrize("explanation", ["fail", "sleep", "eat"])
def test_a_failed_explanation_never_loses_the_prediction(ask: Any, explanation: str) -> None:
    study = ask(behaviour="answer", explanation=explanation)
    assert study.state == State.READY
    assert study.prediction.explanation.status == "failed"


def test_a_refusal_gives_its_reasons_and_no_prediction(ask: Any) -> None:
    study = ask(behaviour="refuse")
    assert (study.state, codes(study)) == (State.REFUSED, ["probe_refused"])
    assert study.answer == {"gate": {"accepted": False}}
    assert not Prediction.objects.exists()


@pytest.mark.parametrize(
    ("behaviour", "code"), [("eat", "out_of_memory"), ("raise", "internal"), ("not_json", "internal")]
)
def test_what_goes_wrong_ends_as_a_sentence(ask: Any, behaviour: str, code: str) -> None:
    study = ask(behaviour=behaviour)
    assert (study.state, codes(study)) == (State.FAILED, [code])
    assert study.problem_list[0].message.fr
    assert Event.objects.filter(study=study.pk, action=Action.FAIL).count() == 1
    assert kept_files() == []


def test_the_log_of_a_defect_carries_no_patient_data(ask: Any, caplog: pytest.LogCaptureFixture) -> None:
    layout = dict(logging_config(level="INFO", form="json")["formatters"]["vigie"])
    formatter = layout.pop("()")(**layout)
    with caplog.at_level(logging.ERROR):
        ask(behaviour="raise")
    (entry,) = [entry for entry in caplog.records if entry.name == "predictions.run"]
    written = formatter.format(entry)
    assert "RuntimeError" in written
    assert "LANTERN" not in written


def test_a_slow_analysis_is_stopped(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    study = ask(behaviour="sleep", seconds=30)
    assert (study.state, codes(study)) == (State.FAILED, ["too_slow"])
    took = study.finished_at - study.started_at
    assert timedelta(seconds=3) < took < timedelta(seconds=10)


def test_the_limits_are_lifted_afterwards(ask: Any) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    ask(behaviour="eat")
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_a_broken_package_is_said(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise BrokenPackage("model.onnx does not match its sha256")

    monkeypatch.setattr(packages, "load", broken)
    assert codes(ask(behaviour="answer")) == ["package_broken"]


def test_only_one_can_claim(alice: User, claire: Patient) -> None:
    study = waiting(alice, claire)
    assert lease.claim(study.pk) is not None
    assert lease.claim(study.pk) is None


def test_who_lost_the_lease_writes_nothing(alice: User, claire: Patient, probed: None) -> None:
    study = waiting(alice, claire, values={"behaviour": "answer"})
    claimed = lease.claim(study.pk)
    other = uuid.uuid4()
    Study.objects.update(lease=other)
    run.run(claimed)
    study.refresh_from_db()
    assert (study.state, study.lease) == (State.RUNNING, other)
    assert not Prediction.objects.exists()
    assert not StoredArtefact.objects.exists()
    assert kept_files() == []


class Clock:
    """Seconds that go forward as a test says."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def watched(*between: Callable[[], Any]) -> None:
    """Have one watch look, a lease apart, at what happens in between."""
    clock = Clock()
    watch = Watch(clock)
    watch.look()
    for happens in between:
        happens()
        clock.seconds += settings.STUDY_LEASE_SECONDS
        watch.look()


def passes() -> None:
    """Have nothing happen."""


def lose(study: Study) -> None:
    assert lease.claim(study.pk)
    watched(passes)
    study.refresh_from_db()


def test_a_lost_study_waits_again_and_fails_at_the_second_loss(alice: User, claire: Patient) -> None:
    study = waiting(alice, claire)
    lose(study)
    assert (study.state, study.deaths, study.lease) == (State.QUEUED, 1, None)
    lose(study)
    assert (study.state, codes(study)) == (State.FAILED, ["stopped_the_analyser"])
    assert "2" in study.problem_list[0].message.fr
    assert Event.objects.filter(study=study.pk, action=Action.FAIL).count() == 1


def test_a_study_in_somebodys_hands_is_left_alone(alice: User, claire: Patient) -> None:
    study = waiting(alice, claire)
    claimed = lease.claim(study.pk)
    watched(partial(lease._extend, claimed), partial(lease._extend, claimed))
    study.refresh_from_db()
    assert (study.state, study.lease, study.deaths) == (State.RUNNING, claimed.lease, 0)


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_jumps_interrupts_nobody_and_hides_nobody(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    at_work, dead, unsent = (waiting(alice, claire) for _ in range(3))
    claimed = lease.claim(at_work.pk)
    assert lease.claim(dead.pk)
    Study.objects.filter(pk=unsent.pk).update(sent_at=timezone.now())
    sent = []
    monkeypatch.setattr(queue, "is_empty", lambda name: True)
    monkeypatch.setattr(queue, "wake", lambda task, kwargs, *_, **__: not sent.append(kwargs["study_id"]))

    def jumps() -> None:
        moment = timezone.now() + timedelta(hours=hours)
        monkeypatch.setattr(timezone, "now", lambda: moment)
        lease._extend(claimed)

    watched(jumps)
    states = [Study.objects.get(pk=study.pk).state for study in (at_work, dead, unsent)]
    assert states == [State.RUNNING, State.QUEUED, State.QUEUED]
    assert sent == [str(dead.pk), str(unsent.pk)]


def test_a_message_that_the_queue_has_overtaken_is_sent_again(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, on_its_way, served = (waiting(alice, claire) for _ in range(3))
    for minutes, study in ((3, lost), (2, served), (1, on_its_way)):
        Study.objects.filter(pk=study.pk).update(sent_at=timezone.now() - timedelta(minutes=minutes))
    assert lease.claim(served.pk)
    sent = []
    monkeypatch.setattr(queue, "is_empty", lambda name: False)
    monkeypatch.setattr(queue, "wake", lambda task, kwargs, *_, **__: not sent.append(kwargs["study_id"]))
    watched(partial(lease._extend, Study.objects.get(pk=served.pk)))
    assert sent == [str(lost.pk)]


def test_files_of_no_study_are_swept_after_a_day(alice: User, claire: Patient, ask: Any) -> None:
    answered = ask(behaviour="answer")
    document = written(answered, b"signed report")
    for name in ("incoming/old.part", "incoming/new.part", "uploads/ab/orphan"):
        path = Path(settings.PRIVATE_ROOT) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path in kept_files():
        if path.name != "new.part":
            os.utime(path, (0, 0))
    sweep.sweep()
    left = {str(path.relative_to(settings.PRIVATE_ROOT)) for path in kept_files()}
    of_the_answer = {artefact.stored_name for artefact in answered.prediction.artefacts.all()}
    assert left == {"incoming/new.part", document.stored_name, *of_the_answer}

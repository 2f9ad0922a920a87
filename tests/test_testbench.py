"""The test bench: invented inputs through the same queue and analysis, marked as a test, in no figure."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.html import escape

from clinic.accounts.models import User
from clinic.accounts.roles import Scope
from clinic.audit.models import Action, Event
from clinic.templatetags.vigie import text
from ml import invented, registry, runner
from ml import package as packages
from ml.contracts import Refused
from ml.package import BrokenPackage
from patients.models import Patient
from predictions import jobs, queue, run, selectors
from predictions.metrics import exposition
from predictions.models import JobState, Prediction, Study
from predictions.testbench import selectors as bench
from predictions.testbench import services, work
from predictions.testbench.models import ALGORITHMS, Answered, BenchRun, Sample
from predictions.testbench.words import samples
from tests import factories

pytestmark = pytest.mark.django_db

# Every input but the whole night, which takes longer than all of these.
QUICK = [sample for sample in Sample if sample != Sample.NIGHT]


def worked(user: User, sample: Sample, seed: int = 1) -> BenchRun:
    """Send a test and do it in this process, as a worker would."""
    row = services.send(user=user, sample=sample, seed=seed)
    jobs.work("testbench", row.pk)
    row.refresh_from_db()
    return row


@pytest.fixture
def nap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make nights and noise short."""
    for name in ("NIGHT_HOURS", "NOISE_HOURS"):
        monkeypatch.setattr(f"ml.algorithms.sleep.invented.{name}", 0.25)


def test_every_algorithm_has_inputs_and_every_input_an_algorithm_and_words() -> None:
    assert set(ALGORITHMS) == set(Sample)
    assert set(ALGORITHMS.values()) == set(registry.names())
    for name in registry.names():
        assert {sample for sample, to in ALGORITHMS.items() if to == name} == set(invented.names(name))
    assert [one.code for one in samples()] == Sample.values


@pytest.mark.parametrize("sample", QUICK)
def test_it_is_answered_as_it_should_be(sample: Sample, steward: User, nap: None) -> None:
    row = worked(steward, sample)
    assert row.state == JobState.DONE, row.problems
    assert bench.as_expected(row)
    assert row.package_sha256 == packages.load(row.algorithm).sha256
    taken = bench.latencies(row)
    reached = ("load",) if sample == Sample.PHANTOM else ("load", "predict", "explain")
    assert list(taken) == ["wait", "make", *reached]
    assert all(milliseconds >= 0 for milliseconds in taken.values())
    assert sum(stage.share for stage in bench.stages(row)) == pytest.approx(100)


def test_the_gate_refuses_the_phantom_and_says_so(steward: User) -> None:
    row = worked(steward, Sample.PHANTOM)
    assert (row.answered, row.report) == (Answered.REFUSED, {})
    assert [problem.code for problem in row.problem_list] == ["not_chest_xray"]
    office = Client(headers={"Accept-Language": "en"})
    office.force_login(steward)
    page = office.get(reverse("bench_run", args=[row.pk])).content.decode()
    assert "Refused by the algorithm" in page
    assert "does not look like a frontal chest X-ray" in page


def test_noise_is_answered_with_its_warning(steward: User, nap: None) -> None:
    row = worked(steward, Sample.NOISE)
    assert "other_night" in {problem.code for problem in row.problem_list}
    BenchRun.objects.filter(pk=row.pk).update(problems=[])
    row.refresh_from_db()
    assert bench.as_expected(row) is False


def test_a_night_shows_what_it_was_made_of_beside_the_answer(steward: User, nap: None) -> None:
    row = worked(steward, Sample.NIGHT)
    assert len(row.made["stages"]) == len(row.answer["stages"]) == 30
    found = bench.compared(row)
    alike = sum(a == b for a, b in zip(row.made["stages"], row.answer["stages"], strict=True))
    assert found["accuracy"] == pytest.approx(alike / 30)
    office = Client(headers={"Accept-Language": "en"})
    office.force_login(steward)
    page = office.get(reverse("bench_run", args=[row.pk])).content.decode()
    assert "Hypnogram the night was made of" in page
    assert "Hypnogram of the answer" in page


def test_the_same_seed_makes_the_same_input(tmp_path: Path) -> None:
    def made(name: str, seed: int) -> tuple[Any, Any]:
        found = invented.make("haemorrhage", name, tmp_path, seed)
        values = {key: value for key, value in found.source.values.items() if not key.endswith("_at")}
        return values, found.made.keys()

    assert made("synthetic_admission", 3) == made("synthetic_admission", 3)
    assert made("synthetic_admission", 3) != made("synthetic_admission", 9)


def test_it_is_no_study_and_in_no_list_and_no_figure(
    steward: User, alice: User, claire: Patient, settings: Any
) -> None:
    settings.REDIS_URL = ""

    def figures() -> list[str]:
        cache.clear()
        said = exposition.text()[0].decode().splitlines()
        moving = ("vigie_jobs", "vigie_disk", "vigie_audit")
        return [line for line in said if not line.startswith((*moving, "#"))]

    before = figures()
    worked(steward, Sample.ADMISSION)
    worked(steward, Sample.PHANTOM)
    assert figures() == before
    assert not Study.objects.exists()
    assert not Prediction.objects.exists()
    assert not selectors.worklist(alice)
    assert Event.objects.filter(kind="testbench", action=Action.REQUEST, actor=steward).count() == 2
    assert not Event.objects.filter(patient__isnull=False, kind="testbench").exists()


def test_it_goes_through_the_queue_of_its_algorithm_behind_every_study(
    steward: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[str, dict[str, str], str, dict[str, int]]] = []

    def wake(task: str, kwargs: dict[str, str], name: str, **options: int) -> bool:
        sent.append((task, kwargs, name, options))
        return True

    monkeypatch.setattr(jobs, "wake", wake)
    for sample in Sample:
        with django_capture_on_commit_callbacks(execute=True):
            row = services.send(user=steward, sample=sample)
        task, message, name, options = sent.pop()
        assert (task, message) == (jobs.WORK, {"kind": "testbench", "job_id": str(row.pk)})
        assert name == registry.contract(row.algorithm).queue
        assert options["priority"] == queue.JOB_PRIORITY


def test_nothing_of_the_input_stays(steward: User, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    real = runner.run

    def spied(algorithm: str, source: Any, **options: Any) -> Any:
        seen.append(source.path.read_bytes()[:8])
        assert not list(services.scratch().glob(f"{services.FOLDER}*"))
        return real(algorithm, source, **options)

    monkeypatch.setattr(runner, "run", spied)
    worked(steward, Sample.PHANTOM)
    assert seen == [b"\x89PNG\r\n\x1a\n"]


def test_a_broken_package_ends_in_words(steward: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **options: Any) -> None:
        raise BrokenPackage("bits flipped")

    monkeypatch.setattr(work.runner, "run", broken)
    row = worked(steward, Sample.ADMISSION)
    assert row.state == JobState.REFUSED
    assert [problem.code for problem in row.problem_list] == [run.PACKAGE_BROKEN.code]
    assert bench.as_expected(row) is False


def test_what_cannot_be_sent_is_refused_in_words(steward: User) -> None:
    for sample, seed, code in (
        ("a_patient", None, "unknown_sample"),
        (Sample.ADMISSION, "-1", "no_seed"),
        (Sample.ADMISSION, "walrus", "no_seed"),
        (Sample.ADMISSION, 2**40, "no_seed"),
    ):
        with pytest.raises(Refused) as refusal:
            services.send(user=steward, sample=sample, seed=seed)
        assert refusal.value.problems[0].code == code
    for _ in range(services.MOST_PENDING):
        services.send(user=steward, sample=Sample.ADMISSION)
    with pytest.raises(Refused) as refusal:
        services.send(user=steward, sample=Sample.ADMISSION)
    assert refusal.value.problems[0].code == "too_many_tests"


def test_a_week_later_it_is_gone(steward: User) -> None:
    old, young = (worked(steward, Sample.ADMISSION) for _ in range(2))
    running = services.send(user=steward, sample=Sample.ADMISSION)
    long_ago = timezone.now() - services.KEPT - timedelta(hours=1)
    BenchRun.objects.filter(pk=running.pk).update(state=JobState.RUNNING, queued_at=long_ago)
    BenchRun.objects.filter(pk=old.pk).update(queued_at=long_ago)
    left, held = (services.scratch() / f"{services.FOLDER}{run.pk.hex}-x" for run in (young, running))
    for folder in (left, held):
        folder.mkdir()
    services.sweep()
    assert set(BenchRun.objects.values_list("pk", flat=True)) == {young.pk, running.pk}
    assert not left.exists()
    assert held.exists()
    services.clear(running.pk)
    assert not held.exists()


def test_what_a_lost_worker_cost_is_said(steward: User) -> None:
    row = worked(steward, Sample.ADMISSION)
    BenchRun.objects.filter(pk=row.pk).update(deaths=1, attempts=2)
    office = Client(headers={"Accept-Language": "en"})
    office.force_login(steward)
    assert (
        "with 1 attempt whose worker was lost"
        in office.get(reverse("bench_run", args=[row.pk])).content.decode()
    )
    assert "attempt 2" in office.get(reverse("testbench")).content.decode()


def test_what_is_expected_of_noise_is_what_its_warning_says(steward: User, nap: None) -> None:
    row = worked(steward, Sample.NOISE)
    (expected,) = (one.expected for one in samples() if one.code == Sample.NOISE)
    for words in ("quite another night than the draft",):
        assert words in expected.en
        assert words in bench.because(row).message.en
    assert "tout autre nuit que le brouillon" in expected.fr
    assert "tout autre nuit que le brouillon" in bench.because(row).message.fr


def test_the_api_sends_and_tells_and_says_that_it_is_a_test(steward: User, alice: User) -> None:
    def program(user: User) -> dict[str, str]:
        return {"Authorization": f"Token {factories.token(user, Scope.READ, Scope.SUBMIT)}"}

    address = reverse("api-testbench")
    wish = {"sample": "phantom_image", "seed": 5}
    sent = Client().post(address, wish, content_type="application/json", headers=program(steward))
    assert sent.status_code == 202
    jobs.work("testbench", BenchRun.objects.get().pk)
    told = Client().get(reverse("api-bench-run", args=[sent.json()["id"]]), headers=program(steward)).json()
    assert (told["test"], told["state"], told["answered"], told["as_expected"]) == (
        True, "done", "refused", True,
    )  # fmt: skip
    assert {"wait", "make", "load"} == set(told["latencies_ms"])
    assert [one["id"] for one in Client().get(address, headers=program(steward)).json()] == [told["id"]]
    wrong = Client().post(
        address, {"sample": "walrus"}, content_type="application/json", headers=program(steward)
    )
    assert (wrong.status_code, wrong.json()["problems"][0]["code"]) == (422, "unknown_sample")
    refused = Client().post(address, wish, content_type="application/json", headers=program(alice))
    assert refused.status_code == 403


def test_the_command_waits_and_says_what_came(
    steward: User, alice: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="no model steward"):
        call_command("testbench", "phantom_image", "--as", alice.username)
    with pytest.raises(CommandError, match="no worker answered yet") as waited:
        call_command("testbench", "phantom_image", "--as", steward.username, "--wait", "0", stdout=out)
    assert waited.value.returncode == 2

    # In place of the worker, which would look at the row while the command sleeps.
    def worker(seconds: float) -> None:
        jobs.work("testbench", BenchRun.objects.filter(state=JobState.QUEUED).latest("queued_at").pk)

    monkeypatch.setattr("predictions.testbench.management.commands.testbench.time.sleep", worker)
    with translation.override("fr"):
        call_command("testbench", "synthetic_admission", "--as", steward.username, "--seed", "1", stdout=out)
    said = out.getvalue()
    assert "Waiting for a worker" in said
    assert "TEST synthetic_admission seed 1 -> haemorrhage" in said
    assert "explain" in said
    out = io.StringIO()
    call_command("testbench", "phantom_image", "--as", steward.username, "--json", stdout=out)
    assert json.loads(out.getvalue())["answered"] == "refused"


def test_stages_are_called_what_is_done_in_them_and_the_warning_that_was_wanted_is_listed(
    steward: User, nap: None
) -> None:
    film = worked(steward, Sample.FILM)
    noise = worked(steward, Sample.NOISE)
    (warning,) = [one for one in noise.problem_list if one.code == "other_night"]
    with translation.override("en"):
        reading, calibrating, _ = bench.stages(film)[2:]
        assert (reading.label, calibrating.label) == ("Reading, network and gate", "Calibrating the score")
        assert bench.stages(noise)[3].label == "Predicting"
    office = Client()
    steward.language = "fr"
    steward.save(update_fields=["language"])
    office.force_login(steward)
    listed = office.get(reverse("testbench")).content.decode()
    assert "Lecture, réseau et contrôle d’entrée" in listed
    with translation.override("fr"):
        assert escape(text(warning.message)) in listed
    page = office.get(reverse("bench_run", args=[film.pk])).content.decode()
    assert "Calibrage du score" in page
    assert '<th scope="col">Étape</th>' in page
    assert "Stade" not in page


def test_the_page_lists_and_refuses_in_both_languages(steward: User) -> None:
    worked(steward, Sample.ADMISSION)
    for language, title, marked in (("en", "Test bench", "as expected"), ("fr", "Banc d’essai", "conforme")):
        steward.language = language
        steward.save(update_fields=["language"])
        office = Client()
        office.force_login(steward)
        page = office.get(reverse("testbench")).content.decode()
        assert title in page
        assert marked in page
        assert "TEST" in page
        answer = office.post(reverse("testbench"), {"sample": "walrus"})
        assert answer.status_code == 422

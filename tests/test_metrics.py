"""``/metrics``: who reads it, that it counts what happened once and for good, and that it names nobody."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from clinic import pulse
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Scope
from clinic.audit.models import Action, Event
from clinic.processes import resident_bytes
from clinic.pulse import Word
from ml import package as packages
from ml import registry
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Problem, Refused, Text
from patients.models import Patient
from predictions import intake, queue
from predictions.deployments.models import Deployment
from predictions.metrics import counting, known
from predictions.metrics.definitions import METRICS
from predictions.metrics.models import Counted
from predictions.models import Prediction, Study
from predictions.monitoring import selectors as monitoring
from predictions.monitoring.selectors import Reading
from predictions.reap import STOPPED_THE_ANALYSER
from predictions.run import FAULTS_OF_A_VERSION, NO_ROOM
from predictions.states import State
from tests import factories, studies
from tests.machine import ROOT

TOKEN = "an invented token of these tests, long enough"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monitored(settings: Any) -> Iterator[None]:
    settings.MONITORING_TOKEN = TOKEN
    cache.clear()
    yield
    cache.clear()


def scrape() -> str:
    """Return what a scrape is told once the watch has looked."""
    counting.count()
    cache.clear()
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.content.decode()


def samples(text: str = "") -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text or scrape())
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0)


def answered(by: User, patient: Patient, risk: float, *, waited: float, load: float) -> Study:
    """Return a study answered just now, that waited and was loaded for so many seconds."""
    begun = timezone.now() - timedelta(seconds=1)
    study = studies.waiting(by, patient, state=State.READY, started_at=begun)
    times = {"submitted_at": begun - timedelta(seconds=waited), "finished_at": begun + timedelta(seconds=2)}
    Study.objects.filter(pk=study.pk).update(**times)
    package = packages.load("haemorrhage")
    Prediction.objects.create(
        study=study,
        package_version=package.version,
        package_sha256=package.sha256,
        result={"risk": risk},
        report={},
        timings_ms={"load": 1000 * load, "predict": 20, "explain": 700, "total": 1000 * load + 720},
        created_at=timezone.now(),
    )
    return study


def stopped(by: User, patient: Patient, state: State, *codes: str) -> Study:
    said = [Problem(code, Text("walrus", "morse")).as_json() for code in codes]
    study = studies.waiting(by, patient)
    Study.objects.filter(pk=study.pk).update(state=state, problems=said, finished_at=timezone.now())
    return study


def test_monitoring_and_administrators_read_it_and_nobody_else(
    alice: User, admin: User, settings: Any
) -> None:
    def status(user: User | None = None, **headers: str) -> int:
        browser = Client()
        if user:
            browser.force_login(user)
        return browser.get("/metrics", headers=headers).status_code

    assert status(Authorization=f"Bearer {TOKEN}") == 200
    assert status(admin) == 200
    assert status(Authorization=f"Token {factories.token(admin, Scope.READ)}") == 200
    assert status(Authorization=f"Token {factories.token(admin, Scope.SUBMIT)}") == 403
    assert {status(Authorization=given) for given in ("", "Bearer ", "Bearer guessed", "Bearer é")} == {401}
    assert status(alice) == 403
    assert Event.objects.filter(action=Action.REFUSED, actor=alice).exists()
    settings.MONITORING_TOKEN = ""
    assert status(Authorization="Bearer ") == 401


@pytest.mark.parametrize(
    ("accepted", "given"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("text/plain;version=0.0.4", "text/plain"),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.5", "text/plain"),
        ("application/openmetrics-text;q=0,text/plain;q=nonsense", "text/plain"),
        ("application/openmetrics-text; version=nonsense", "application/openmetrics-text"),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", "application/openmetrics-text"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            "application/openmetrics-text",
        ),
    ],
)
def test_a_scraper_is_given_the_format_that_it_reads(accepted: str, given: str) -> None:
    headers = {"Accept": accepted, "Authorization": f"bearer {TOKEN}"}
    answer = Client().get("/metrics", headers=headers)
    version = {"text/plain": "0.0.4"}.get(given, "1.0.0")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith(f"{given}; version={version}; charset=utf-8")
    read = open_metrics if given == "application/openmetrics-text" else text_string_to_metric_families
    names = [family.name for family in read(answer.content.decode())]
    assert len(names) == len(set(names)) > 20
    stranger = Client().get("/metrics", headers={"Accept": accepted})
    assert (stranger.status_code, stranger["Content-Type"]) == (401, "application/json")


def test_what_ended_is_counted_by_how_and_why(alice: User, bob: User, claire: Patient) -> None:
    answered(alice, claire, 0.04, waited=3, load=0.2)
    stopped(alice, claire, State.REFUSED, "too_dark", "not_frontal")
    stopped(alice, claire, State.FAILED, "too_slow")
    with pytest.raises(Refused):
        intake.submit(
            user=alice, patient=claire, algorithm="haemorrhage",
            values=as_of(EXAMPLES[0], timezone.now()) | {"parity": 99}, idempotency_key="one",
        )  # fmt: skip
    found = samples()
    for outcome in ("answered", "refused", "failed"):
        assert value(found, "vigie_studies_ended_total", algorithm="haemorrhage", outcome=outcome) == 1
    of = {"algorithm": "haemorrhage"}
    for code in ("too_dark", "not_frontal"):
        assert value(found, "vigie_study_refusals_total", at="analysis", code=code, **of) == 1
    assert value(found, "vigie_study_failures_total", code="too_slow", **of) == 1
    refused = [dict(of) for (name, of), n in found.items() if name == "vigie_study_refusals_total" and n]
    assert [labels["at"] for labels in refused].count("intake") == 1
    assert value(found, "vigie_studies", state="ready", **of) == 1
    assert value(found, "vigie_studies", state="queued", **of) == 0


def test_histograms_are_cumulative_and_hold_every_answer(alice: User, claire: Patient) -> None:
    for risk, waited in ((0.004, 0.5), (0.04, 3), (0.04, 45), (0.5, 2000)):
        answered(alice, claire, risk, waited=waited, load=0.2)
    found = samples()
    for family in text_string_to_metric_families(scrape()):
        if family.type != "histogram":
            continue
        series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for sample in family.samples:
            if sample.name.endswith("_bucket"):
                labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
                series.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        for labels, buckets in series.items():
            assert buckets == sorted(buckets)
            counts = [count for _, count in buckets]
            assert counts == sorted(counts)
            assert counts[-1] == value(found, f"{family.name}_count", **dict(labels))
    waiting = {"algorithm": "haemorrhage", "stage": "queue"}
    at_most = {
        le: value(found, "vigie_study_stage_seconds_bucket", le=le, **waiting)
        for le in ("0.25", "0.5", "5.0", "60.0", "900.0", "+Inf")
    }
    assert list(at_most.values()) == [0, 1, 2, 3, 3, 4]
    assert value(found, "vigie_study_stage_seconds_sum", **waiting) == pytest.approx(2048.5)
    load = {"algorithm": "haemorrhage", "stage": "load"}
    assert value(found, "vigie_study_stage_seconds_sum", **load) == pytest.approx(0.8)
    scores = {"algorithm": "haemorrhage", "version": packages.load("haemorrhage").version}
    assert value(found, "vigie_prediction_score_bucket", le="0.05", **scores) == 3
    assert value(found, "vigie_prediction_score_sum", **scores) == pytest.approx(0.584)


def test_the_stages_of_nights_are_counted(terry: User, nina: Patient) -> None:
    study = studies.waiting(terry, nina, algorithm="sleep")
    Study.objects.filter(pk=study.pk).update(state=State.READY, finished_at=timezone.now())
    Prediction.objects.create(
        study=study, package_version="9", package_sha256="0" * 64, report={}, created_at=timezone.now(),
        result={"stages": ["W", "N2", "N2", "?"]},
    )  # fmt: skip
    found = samples()
    shown = {stage: value(found, "vigie_sleep_epochs_total", version="9", stage=stage) for stage in "WRN2?"}
    assert shown["W"] == shown["?"] == 1
    assert value(found, "vigie_sleep_epochs_total", version="9", stage="N2") == 2


def test_a_count_never_falls_and_nothing_counts_twice(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = {"algorithm": "haemorrhage", "outcome": "failed"}

    def failed() -> float:
        return value(samples(), "vigie_studies_ended_total", **outcome)

    first = stopped(alice, claire, State.FAILED, "too_slow")
    assert [failed(), failed()] == [1, 1]
    # Committed after younger ones were counted, and ended before them.
    late = stopped(alice, claire, State.FAILED, "too_slow")
    Study.objects.filter(pk=late.pk).update(finished_at=timezone.now() - counting.LATE / 2)
    assert failed() == 2
    # Sent again, it fails again: that is another failure.
    first.refresh_from_db()
    intake.retry(user=alice, study=first)
    Study.objects.filter(pk=first.pk).update(state=State.FAILED, finished_at=timezone.now())
    assert failed() == 3
    Study.objects.all().delete()
    assert failed() == 3
    # Long over: nothing of it is remembered but the count.
    later = timezone.now() + 3 * counting.LATE
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert failed() == 3
    assert not Counted.objects.exists()


def test_an_old_installation_is_counted_in_portions(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for days in range(5):
        study = stopped(alice, claire, State.FAILED, "too_slow")
        Study.objects.filter(pk=study.pk).update(finished_at=timezone.now() - timedelta(days=days))
    monkeypatch.setattr(counting, "MOST", 2)
    counts = [
        value(samples(), "vigie_study_failures_total", algorithm="haemorrhage", code="too_slow")
        for _ in range(4)
    ]
    assert counts == [2, 4, 5, 5]


def test_a_thousand_studies_more_cost_no_query_more(alice: User, claire: Patient) -> None:
    def queries() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            scrape()
        return len(captured)

    scrape()
    few = queries()
    Study.objects.bulk_create(
        Study(
            algorithm="haemorrhage", patient=claire, unit=claire.units.first(), submitted_by=alice,
            submitted_at=timezone.now(), idempotency_key=f"many-{number}", fingerprint="0" * 64,
            state=State.READY, finished_at=timezone.now() - timedelta(days=1),
        )
        for number in range(1000)
    )  # fmt: skip
    assert queries() == few
    again = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with CaptureQueriesContext(connection) as captured:
        assert Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).content == again.content
    assert not captured.captured_queries


def test_what_waits_and_what_was_never_sent_is_told(alice: User, claire: Patient) -> None:
    hour = timezone.now() - timedelta(hours=1)
    sent = studies.waiting(alice, claire)
    unsent = studies.waiting(alice, claire)
    Study.objects.filter(pk=sent.pk).update(submitted_at=hour, sent_at=hour)
    Study.objects.filter(pk=unsent.pk).update(submitted_at=hour + timedelta(minutes=50))
    found = samples()
    assert value(found, "vigie_oldest_waiting_study_seconds") == pytest.approx(3600, abs=60)
    assert value(found, "vigie_oldest_unsent_study_seconds") == pytest.approx(600, abs=60)


def test_workers_say_their_memory_and_the_broker_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    words = [Word("tabular@here", ("tabular",), 3 << 20), Word("of-before@here", ("signals",))]
    lengths = {("tabular", "studies"): 4, ("tabular", "jobs"): 7}
    monkeypatch.setattr(pulse, "words", lambda: words)
    monkeypatch.setattr(queue, "lengths", lambda: lengths)
    found = samples()
    assert value(found, "vigie_broker_up") == 1
    assert value(found, "vigie_worker_resident_memory_bytes", worker="tabular@here") == 3 << 20
    assert ("vigie_worker_resident_memory_bytes", (("worker", "of-before@here"),)) not in found
    assert value(found, "vigie_workers", queue="signals") == 1
    assert value(found, "vigie_workers", queue="imaging") == 0
    assert value(found, "vigie_queue_length", queue="tabular", work="studies") == 4
    assert value(found, "vigie_queue_length", queue="tabular", work="jobs") == 7


def test_without_a_broker_that_is_said_and_the_rest_stands(settings: Any) -> None:
    settings.REDIS_URL = ""
    found = samples()
    assert value(found, "vigie_broker_up") == 0
    assert not [name for name, _ in found if name == "vigie_queue_length"]
    assert value(found, "vigie_disk_free_bytes") > 0


def test_the_watch_over_drift_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    of = {"algorithm": "haemorrhage", "unit": "maternity"}
    readings = [
        ("haemoglobin", "psi", 0.31),
        ("windows", "age_days", 2),
        ("alerts", "new", 1),
        ("calibration", "log_odds", -0.4),
        ("performance", "roc_auc", 0.8),
    ]
    monkeypatch.setattr(monitoring, "latest", lambda: [Reading(*of.values(), *one) for one in readings])
    found = samples()
    assert value(found, "vigie_monitoring_stability_index", field="haemoglobin", **of) == 0.31
    assert value(found, "vigie_monitoring_window_age_seconds", **of) == 2 * 86_400
    assert value(found, "vigie_monitoring_alerts", state="new", **of) == 1
    assert value(found, "vigie_monitoring_calibration_log_odds", **of) == -0.4
    assert value(found, "vigie_monitoring_expected_ratio", figure="roc_auc", **of) == 0.8


def test_what_never_happened_is_there_with_its_zero() -> None:
    """Monitoring sees no increase from nothing to one."""
    found = samples()
    for contract in registry.contracts(clinical=True):
        labels = (("algorithm", contract.name), ("outcome", "failed"))
        assert found["vigie_studies_ended_total", labels] == 0
        assert found["vigie_study_failures_total", (labels[0], ("code", "too_slow"))] == 0
    assert found["vigie_study_refusals_total", (
        ("algorithm", "chest_xray"), ("at", "analysis"), ("code", "not_chest_xray"),
    )] == 0  # fmt: skip
    assert {problem.code for problem in (*FAULTS_OF_A_VERSION, NO_ROOM, STOPPED_THE_ANALYSER)} <= set(
        known.FAILURES
    )
    assert set(known.REFUSALS) == {contract.name for contract in registry.contracts(clinical=True)}


def test_packages_alarms_and_every_help_are_there() -> None:
    text = scrape()
    found = samples(text)
    for name in registry.names():
        package = packages.load(name)
        about = {"algorithm": name, "version": package.version, "sha256": package.sha256}
        assert value(found, "vigie_package_info", **about) == 1
    assert ("vigie_audit_alarm", (("code", "broken"),)) in found
    described = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    typed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert described == typed
    assert all(name.startswith("vigie_") for name in typed)
    for metric in METRICS.values():
        assert len(metric.help.split()) > 3


def test_every_algorithm_of_a_unit_shows_what_it_predicts() -> None:
    shown = {*counting.SCORED, counting.STAGED}
    assert shown == {contract.name for contract in registry.contracts(clinical=True)}


def test_the_alerts_of_the_documentation_ask_for_what_there_is() -> None:
    written = set(re.findall(r"vigie_[a-z_]+", (ROOT / "docs/operations.md").read_text("utf-8")))
    there = {line.split()[2] for line in scrape().splitlines() if line.startswith("# TYPE")}
    there |= {"vigie_queue_length", "vigie_workers", "vigie_worker_resident_memory_bytes"}  # with a broker
    assert {name.removesuffix("_bucket") for name in written} == there


def test_nobody_is_named(alice: User, claire: Patient) -> None:
    study = answered(alice, claire, 0.04, waited=3, load=0.2)
    studies.waiting(alice, claire)
    text = scrape()
    private = (claire.family_name, claire.given_name, claire.record_number, str(claire.pk), str(study.pk))
    for words in (*private, alice.username, alice.label):
        assert words not in text


def test_the_memory_of_children_counts() -> None:
    large = 60 << 20
    program = f"import sys; held = b'x' * {large}; print(len(held), flush=True); sys.stdin.read()"
    alone = resident_bytes()
    with subprocess.Popen(
        (sys.executable, "-c", program), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline()
        assert resident_bytes() - alone > 0.9 * large
    assert alone > 10 << 20


def test_a_version_beside_the_one_in_service_is_told(steward: User, maternity: Unit) -> None:
    package = packages.load("haemorrhage")
    Deployment.objects.create(
        algorithm="haemorrhage", unit=maternity, version=package.version, package_sha256=package.sha256,
        mode="shadow", standing="running", reason="compared", proposed_by=steward, proposed_at=timezone.now(),
        started_at=timezone.now(),
    )  # fmt: skip
    about = {"algorithm": "haemorrhage", "unit": "maternity", "mode": "shadow", "version": package.version}
    assert value(samples(), "vigie_deployment_info", sha256=package.sha256, **about) == 1


@pytest.mark.django_db(transaction=True)
def test_the_word_of_a_worker_holds_its_memory_and_fades_with_it(broker: str, settings: Any) -> None:
    settings.REDIS_URL = broker
    pulse.say("tabular@test-of-memory", ["tabular"], resident_bytes=5 << 20)
    assert Word("tabular@test-of-memory", ("tabular",), 5 << 20) in pulse.words()
    with pulse._client() as client:
        client.set(f"{pulse.PREFIX}old@test-of-memory", '["imaging"]', ex=pulse.FADES_AFTER)
    assert Word("old@test-of-memory", ("imaging",)) in pulse.words()
    pulse.silence("old@test-of-memory")
    pulse.silence("tabular@test-of-memory")
    assert not [word for word in pulse.words() if word.name.endswith("@test-of-memory")]

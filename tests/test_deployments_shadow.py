"""A shadow: it looks at live studies behind everybody's back, is compared, and no reader ever sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Scope
from clinic.audit.models import Event
from ml import package as packages
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients import erasure
from patients.models import Patient
from predictions import jobs, lease, outcomes, run
from predictions.deployments import compared, figures, services, trials
from predictions.deployments.models import Allocation, Deployment, Mode, ShadowAnswer
from predictions.models import JobState, Study
from predictions.states import State
from predictions.versions import aliases
from predictions.versions import shadows as gate
from tests import deploying, factories, outputs, scored_nights, studies
from tests.machine import ROOT

pytestmark = pytest.mark.django_db


def followed(by: User, patient: Patient, **fields: Any) -> tuple[Study, ShadowAnswer]:
    """Analyse a study as a worker would, and have its shadow looked at as another would."""
    values = as_of(EXAMPLES[0], timezone.now())
    study = studies.analysed(studies.waiting(by, patient, values=values, **fields))
    row = ShadowAnswer.objects.get(study=study)
    jobs.work("shadow", row.pk)
    row.refresh_from_db()
    return study, row


def kept(deployment: Deployment, study: Study, both: dict[str, Any], **fields: Any) -> ShadowAnswer:
    """Keep what a shadow said of a study, without running it."""
    fields.setdefault("state", JobState.DONE)
    serving = packages.load(deployment.algorithm)
    fields = {"serving_version": serving.version, "serving_sha256": serving.sha256} | fields
    return ShadowAnswer.objects.create(
        algorithm=deployment.algorithm, queued_at=timezone.now(), deployment=deployment, study=study,
        serving_ms=40.0, refused=False, compared=both, timings_ms={"total": 20.0}, **fields,
    )  # fmt: skip


def said(serving: bool, shadow: bool, *, score: float = 0.3) -> dict[str, Any]:
    """Return what is kept of two answers."""
    both = {"serving": {"score": 0.2, "decision": serving}, "shadow": {"score": score, "decision": shadow}}
    return both | {"same": serving == shadow}


# --- the work -----------------------------------------------------------------------------------


def test_a_live_study_is_looked_at_once_more_and_compared(alice: User, claire: Patient) -> None:
    package = deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    study, row = followed(alice, claire)
    champion = packages.load("haemorrhage")
    assert (study.prediction.package_version, row.state) == (champion.version, JobState.DONE)
    assert row.result["risk"] == study.prediction.result["risk"]
    assert row.compared == {"serving": ANY, "shadow": row.compared["serving"], "same": True}
    assert (row.serving_sha256, made.package_sha256) == (champion.sha256, package.sha256)
    assert row.timings_ms["total"] > 0 < row.serving_ms
    gate = figures.figures(made)
    assert (gate.studies, gate.same, gate.failed, gate.signed) == (1, 1, 0, 0)
    # A read study is asked about once, however often its message comes.
    jobs.work("shadow", row.pk)
    assert ShadowAnswer.objects.get().attempts == 1


def test_its_message_waits_for_the_commit_and_its_end_lets_none_follow(
    alice: User, bob: User, claire: Patient, steward: User, django_capture_on_commit_callbacks: Any
) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    study = studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now()))
    with django_capture_on_commit_callbacks() as callbacks:
        studies.analysed(study)
    assert ["shadow" in repr(callback) for callback in callbacks].count(True) == 1
    services.end(user=bob, deployment=made)
    assert ShadowAnswer.objects.get().state == JobState.WITHDRAWN
    later = studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now()))
    studies.analysed(later)
    assert ShadowAnswer.objects.count() == 1


def test_an_answer_that_is_not_written_leaves_no_shadow(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploying.version()
    deploying.deployed(Mode.SHADOW)
    study = studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now()))
    claimed = lease.claim(study.pk)
    ending = run.analyse(claimed)
    Study.objects.filter(pk=study.pk).update(lease=None)  # somebody else has it now
    with pytest.raises(run.LostLease):
        run._write(claimed, ending)
    assert not ShadowAnswer.objects.exists()


def test_a_refusal_is_compared_too(alice: User, claire: Patient) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    study = studies.waiting(alice, claire, values={"maternal_age": "99999"})
    study, row = studies.analysed(study), ShadowAnswer.objects.get()
    assert study.state == State.REFUSED
    jobs.work("shadow", row.pk)
    row.refresh_from_db()
    assert (row.refused, row.result, row.compared["refused"]) == (True, None, [True, True])
    assert row.refusals
    comparison = figures.compare(made)
    assert comparison.refused == {"both": 1, "serving": 0, "shadow": 0}
    assert comparison.gate.same == 1


def test_a_broken_shadow_costs_its_study_nothing(alice: User, claire: Patient) -> None:
    package = deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    deploying.damage(package)
    study, row = followed(alice, claire)
    assert (study.state, study.prediction.problems) == (State.READY, [])
    assert [problem.code for problem in row.problem_list] == ["package_broken"]
    comparison = figures.compare(made)
    assert (comparison.gate.failed, comparison.problems) == (1, [("package_broken", 1)])


def test_a_shadow_of_another_hash_says_nothing(alice: User, claire: Patient) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    Deployment.objects.filter(pk=made.pk).update(package_sha256="0" * 64)
    _study, row = followed(alice, claire)
    assert (row.state, row.result) == (JobState.REFUSED, None)


def test_an_erasure_takes_what_a_shadow_said(alice: User, claire: Patient) -> None:
    deploying.version()
    deploying.version("9.9.2")
    deploying.deployed(Mode.SHADOW)
    deploying.deployed(Mode.CANARY, of="9.9.2", share=100)
    _study, row = followed(alice, claire)
    subject = erasure.Subject(claire.pk)
    preview = {shredder.name: amount.rows for shredder, amount in erasure.preview(subject)}
    assert (preview["shadow_answers"], preview["allocations"]) == (1, 1)
    order = {shredder.name: shredder.order for shredder in erasure.shredders()}
    assert max(order["shadow_answers"], order["allocations"]) < order["studies"]
    before = erasure.fingerprint(subject)
    for shredder in erasure.shredders():
        if shredder.name in ("shadow_answers", "allocations"):
            shredder.shred(subject)
    assert not ShadowAnswer.objects.exists()
    assert erasure.fingerprint(subject) != before
    # A worker that is at it finds nobody to write for.
    jobs.work("shadow", row.pk)
    assert not ShadowAnswer.objects.exists()


def test_the_web_process_takes_no_library_of_numbers_for_it() -> None:
    said = (
        "import django, sys; django.setup(); "
        "import predictions.deployments.views, predictions.deployments.figures; "
        "print([name for name in ('numpy', 'scipy', 'pandas', 'onnxruntime') if name in sys.modules])"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "clinic.settings", "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    assert done.stdout.strip() == "[]"


# --- who sees it --------------------------------------------------------------------------------


def test_no_reader_learns_of_it_by_any_page(alice: User, bob: User, claire: Patient, steward: User) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    study, row = followed(alice, claire)
    ShadowAnswer.objects.filter(pk=row.pk).update(result={"risk": 0.8642, "walrus": 1})
    for reader in (alice, bob):
        browser = Client()
        browser.force_login(reader)
        for address in (
            reverse("study", args=[study.pk]), reverse("worklist"), reverse("patient", args=[claire.pk]),
            f"/api/studies/{study.pk}", f"/api/studies/{study.pk}/result", "/api/studies",
        ):  # fmt: skip
            page = browser.get(address)
            assert page.status_code == 200
            text = page.content.decode()
            assert not [word for word in ("walrus", "0.8642", deploying.NEW, "shadow") if word in text], (
                address
            )
        assert browser.get(reverse("deployment", args=[made.pk])).status_code == 404
    for kind in ("csv", "fhir"):
        assert deploying.NEW.encode() not in outputs.written(study, kind)


def test_the_steward_meets_no_name(steward: User, alice: User, claire: Patient) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    _study, _row = followed(alice, claire)
    browser = Client()
    browser.force_login(steward)
    page = browser.get(reverse("deployment", args=[made.pk])).content.decode()
    assert "Same decision, each at its own operating point" in page
    assert "1/1" in page
    for name in (claire.family_name, claire.family_name.upper(), claire.record_number, str(claire.pk)):
        assert name not in page


# --- the figures --------------------------------------------------------------------------------


def test_the_figures_of_births_count_each_birth_once(alice: User, maternity: Unit, bob: User) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    now = timezone.now()
    # Loss in ml; what the version in service and the shadow said; whether assessed a second time.
    births = [
        (1500, True, True),
        (1200, False, True),
        (300, True, False),
        (200, False, False),
        (1100, True, False),
    ]
    for loss, serving, shadow in births:
        person = factories.patient(maternity)
        stay = factories.encounter(person, started_at=now - timedelta(hours=5))
        first = studies.ready(alice, person, encounter=stay, unit=maternity)
        Study.objects.filter(pk=first.pk).update(submitted_at=now - timedelta(hours=3))
        kept(made, first, said(not serving, not shadow))
        last = studies.ready(alice, person, encounter=stay, unit=maternity)
        Study.objects.filter(pk=last.pk).update(submitted_at=now - timedelta(hours=2))
        kept(made, last, said(serving, shadow))
        measured = {"method": "weighed", "measured_at": (now - timedelta(hours=1)).isoformat()}
        values = {"millilitres": str(loss)} | measured
        outcomes.keep(user=alice, encounter=stay, confirmed=True, values=values)
    comparison = figures.compare(made)
    gate, found = comparison.gate, comparison.outcomes
    assert (gate.studies, gate.same, gate.signed) == (10, 4, 5)
    assert (gate.serving_right, gate.right) == (3, 4)
    assert (gate.median_ms, gate.serving_median_ms) == (20.0, 40.0)
    assert (found.n, found.positives, found.only_serving, found.only_shadow) == (5, 3, 1, 2)
    assert found.p == 1.0
    shares = {
        name: (serving.count, serving.n, shadow.count, shadow.n) for name, serving, shadow in found.rows
    }
    assert shares == {"right": (3, 5, 4, 5), "sensitivity": (2, 3, 2, 3), "specificity": (1, 2, 2, 2)}
    assert comparison.table == {"both": 2, "serving": 3, "shadow": 3, "neither": 2}
    assert comparison.patients == 5
    assert comparison.same.interval == pytest.approx((16.8, 68.7), abs=0.1)  # Wilson, 4 of 10
    difference = comparison.scores.difference
    assert (difference.value, difference.low, difference.high) == pytest.approx((10, 10, 10))


def test_the_figures_of_films_go_by_the_radiologist(charlie: User, radiology: Unit) -> None:
    made = deploying.deployed(Mode.SILENT, algorithm="chest_xray", of=packages.champion_version("chest_xray"))
    Deployment.objects.filter(pk=made.pk).update(mode=Mode.SHADOW)
    made.refresh_from_db()
    read = [("agree", 0.9, True, False), ("disagree", 0.9, True, False), ("agree", 0.1, False, False)]
    for verdict, probability, serving, shadow in read:
        study = studies.radiograph(charlie, factories.patient(radiology), probability=probability)
        reason = {} if verdict == "agree" else {"reason": "clinical"}
        studies.signed(study, charlie, verdict=verdict, **reason)
        kept(made, study, said(serving, shadow))
    unsure = studies.radiograph(charlie, factories.patient(radiology))
    studies.signed(unsure, charlie, verdict="cannot_assess", reason="poor_input")
    kept(made, unsure, said(True, True))
    found = figures.compare(made).outcomes
    # Who cannot assess it saw pneumonia first: that is what both are held against.
    assert (found.n, found.positives) == (4, 2)
    shares = {name: (serving.count, shadow.count) for name, serving, shadow in found.rows}
    assert shares == {"right": (3, 3), "sensitivity": (2, 1), "specificity": (1, 2)}


def test_the_figures_of_nights_go_by_what_a_person_scored(sandra: User, sleep_lab: Unit) -> None:
    deployment = deploying.deployed(
        Mode.SILENT, algorithm="sleep", of=packages.champion_version("sleep"), second=sandra
    )
    Deployment.objects.filter(pk=deployment.pk).update(mode=Mode.SHADOW)
    deployment.refresh_from_db()
    stages = list(scored_nights.STAGES)
    other = ["W"] * len(stages)
    for shadow, scored in ((stages, True), (other, True), (other, False)):
        night = scored_nights.night(sandra, factories.patient(sleep_lab))
        kept(
            deployment,
            night,
            compared.of("sleep", {"stages": stages}, {"stages": shadow}),
            result={"stages": shadow},
            serving_version=night.prediction.package_version,
            serving_sha256=night.prediction.package_sha256,
        )
        if scored:
            scored_nights.finished(sandra, night, scored_nights.stage(0, "W"))
        studies.signed(night, sandra)
    # An invented package drew these nights: the gate, which asks about the one in service, counts none.
    assert figures.figures(deployment).studies == 0
    _serving, comparison = figures.comparisons(deployment)
    assert (comparison.gate.studies, comparison.gate.same) == (3, 1)
    assert (comparison.gate.signed, comparison.gate.serving_right, comparison.gate.right) == (2, 2, 1)
    nights = comparison.nights
    assert nights.epochs == 60
    assert nights.alike.value == pytest.approx((100 + 25 + 25) / 3)
    assert (nights.alike.n, nights.alike.low) == (3, None)  # three nights give no interval
    assert -1 <= nights.kappa.value <= 1
    assert sum(sum(cells) for _stage, cells in nights.confusion) == 60
    assert comparison.scores is None


def test_nights_of_other_epochs_are_not_compared() -> None:
    with pytest.raises(compared.Uncomparable):
        compared.of("sleep", {"stages": ["W"]}, {"stages": ["W", "W"]})


def test_the_exact_test_of_mcnemar() -> None:
    assert figures._mcnemar(0, 0) is None
    assert figures._mcnemar(1, 8) == pytest.approx(0.0390625)  # 2 · P(X ≤ 1), X ~ B(9, ½)
    assert figures._mcnemar(3, 3) == 1.0


def test_a_shadow_without_a_study_has_figures_too(steward: User, maternity: Unit, client: Client) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    gate = figures.figures(made)
    assert (gate.studies, gate.since, gate.median_ms) == (0, None, None)
    client.force_login(steward)
    page = client.get(reverse("deployment", args=[made.pk])).content.decode()
    assert "No live study has been compared yet." in page


def test_a_deployment_leaves_its_marks_in_the_audit_without_a_patient(steward: User, maternity: Unit) -> None:
    deploying.version()
    deploying.deployed(Mode.SHADOW, steward=steward)
    event = Event.objects.filter(kind="deployment").get()
    detail = json.loads(event.payload.content)
    assert (event.patient, detail["mode"], detail["version"]) == (None, "shadow", deploying.NEW)


def test_the_gate_and_the_list_of_versions_know_of_a_shadow(alice: User, bob: User, claire: Patient) -> None:
    package = deploying.version()
    assert gate.figures("haemorrhage", package.version) is None
    made = deploying.deployed(Mode.SHADOW)
    followed(alice, claire)
    assert "shadow" in aliases.aliases("haemorrhage")[package.version]
    services.end(user=bob, deployment=made)
    assert "shadow" not in aliases.aliases("haemorrhage").get(package.version, set())
    assert gate.figures("haemorrhage", package.version).studies == 1


def test_figures_are_told_of_the_version_that_answered(
    alice: User, maternity: Unit, steward: User, client: Client
) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    ours, theirs = (studies.ready(alice, factories.patient(maternity)) for _ in range(2))
    kept(made, ours, said(True, True))
    kept(made, theirs, said(True, False), serving_version="9.9.7", serving_sha256="7" * 64)
    found = figures.comparisons(made)
    assert [(one.version, one.serves, one.gate.studies, one.gate.same) for one in found] == [
        (packages.champion_version("haemorrhage"), True, 1, 1),
        ("9.9.7", False, 1, 0),
    ]
    assert gate.figures("haemorrhage", deploying.NEW).studies == 1
    client.force_login(steward)
    page = client.get(reverse("deployment", args=[made.pk])).content.decode()
    assert "Against version 9.9.7, which answered these studies and is not in service" in page
    assert "1 study of 1 patient;" in page


def test_a_shadow_in_service_by_now_follows_itself_no_more(alice: User, claire: Patient) -> None:
    serving = packages.load("haemorrhage")
    deploying.version()
    made = deploying.deployed(Mode.SHADOW)
    Deployment.objects.filter(pk=made.pk).update(version=serving.version, package_sha256=serving.sha256)
    studies.analysed(studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now())))
    assert not ShadowAnswer.objects.exists()


def test_a_file_sent_twice_counts_once_and_few_nights_have_no_interval(
    charlie: User, radiology: Unit
) -> None:
    made = deploying.deployed(Mode.SILENT, algorithm="chest_xray", of=packages.champion_version("chest_xray"))
    patient = factories.patient(radiology)
    for content in (b"one", b"one", b"two"):
        study = studies.radiograph(charlie, patient)
        study.files.all().delete()
        outputs.send(study, content)
        kept(made, study, said(True, True))
    assert figures.compare(made).gate.studies == 2
    assert figures._resampled([97.5] * 4, lambda values: values[0]).low is None
    assert figures._resampled([97.5] * 5, lambda values: values[0]).low == 97.5


def test_a_canary_is_set_beside_the_other_studies_of_its_unit(
    bob: User, maternity: Unit, steward: User, client: Client
) -> None:
    package = deploying.version()
    now = timezone.now()
    made = Deployment.objects.create(
        algorithm="haemorrhage", unit=maternity, version=package.version, package_sha256=package.sha256,
        mode=Mode.CANARY, share=50, standing="running", reason="x", proposed_by=steward, decided_by=bob,
        proposed_at=now, started_at=now - timedelta(hours=1),
    )  # fmt: skip
    for number in range(3):
        study = outputs.answered("haemorrhage")
        if not number:
            Allocation.objects.create(study=study, deployment=made, silent=False, at=now)
    found = trials.trial(made)
    assert (found.own.answered, found.others.answered, found.own.judged) == (1, 2, 0)
    assert (found.own.above.n, found.others.above.n) == (1, 2)
    client.force_login(steward)
    page = client.get(reverse("deployment", args=[made.pk])).content.decode()
    assert "The unit’s other studies" in page
    assert "What it has shown" in page


def test_programs_of_readers_learn_of_no_shadow_running_or_ended(
    client: Client, alice: User, bob: User, claire: Patient
) -> None:
    deploying.version()
    shadow = deploying.deployed(Mode.SHADOW)
    followed(alice, claire)
    services.end(user=shadow.proposed_by, deployment=shadow, reason="Seen enough")
    silent = deploying.deployed(Mode.SILENT)

    def answer(user: User, path: str) -> Any:
        return client.get(path, headers={"Authorization": f"Token {factories.token(user, Scope.READ)}"})

    everything = answer(shadow.proposed_by, "/api/deployments").json()
    assert {one["id"]: (one["mode"], one["standing"]) for one in everything} == {
        str(shadow.pk): ("shadow", "ended"),
        str(silent.pk): ("silent", "running"),
    }
    one = answer(shadow.proposed_by, f"/api/deployments/{shadow.pk}").json()
    assert (one["end_reason"], one["allocated"], one["comparisons"][0]["patients"]) == ("Seen enough", 0, 1)
    assert [each["id"] for each in answer(bob, "/api/deployments").json()] == [str(silent.pk)]
    assert answer(bob, f"/api/deployments/{shadow.pk}").status_code == 404
    assert answer(bob, f"/api/deployments/{silent.pk}").json()["comparisons"] == []
    assert answer(alice, "/api/deployments").status_code == 403

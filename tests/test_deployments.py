"""A version beside the one in service: who decides, which studies it gets, what happens when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Notice, Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml import package as packages
from ml import smoke
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Refused
from patients.models import Patient
from predictions import intake, lease, run
from predictions.deployments import selectors, services
from predictions.deployments.models import Allocation, Deployment, Mode, Standing
from predictions.models import Study
from predictions.states import State
from predictions.stewardship import serving
from predictions.versions import beside, proposals
from tests import deploying, factories, promotions, studies
from tests.machine import ROOT

pytestmark = pytest.mark.django_db


def sent(by: User, patient: Patient, **fields: Any) -> Study:
    """Send the first example as a form."""
    return studies.waiting(by, patient, values=as_of(EXAMPLES[0], timezone.now()), **fields)


def test_the_share_is_met_and_a_patient_always_drawn_alike(maternity: Unit) -> None:
    deploying.version()
    made = deploying.deployed(Mode.CANARY, share=20)
    people = [uuid.UUID(int=number) for number in range(4000)]
    drawn = [selectors.takes(made, person) for person in people]
    assert 0.17 < sum(drawn) / len(drawn) < 0.23  # 20 % ± 4.7 standard errors
    assert drawn == [selectors.takes(made, person) for person in people]
    made.share = 50
    wider = [selectors.takes(made, person) for person in people]
    assert all(after for before, after in zip(drawn, wider, strict=True) if before)
    made.share = 100
    assert all(selectors.takes(made, person) for person in people)


def test_two_deployments_draw_independently() -> None:
    people = [uuid.UUID(int=number) for number in range(2000)]
    first, second = ([selectors.drawn(key * 32, person) < 0.5 for person in people] for key in ("0a", "0b"))
    alike = sum(a == b for a, b in zip(first, second, strict=True))
    assert 0.44 < alike / len(people) < 0.56


def test_another_process_draws_alike() -> None:
    people = [uuid.UUID(int=number) for number in range(50)]
    here = [selectors.drawn("0c" * 32, person) for person in people]
    said = (
        "import django; django.setup(); import uuid; from predictions.deployments.selectors import drawn; "
        "print([drawn('0c' * 32, uuid.UUID(int=n)) for n in range(50)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True, cwd=ROOT,
        env=_environment(),
    )  # fmt: skip
    assert json.loads(done.stdout) == here


def _environment() -> dict[str, str]:
    return os.environ | {"DJANGO_SETTINGS_MODULE": "clinic.settings", "PYTHONHASHSEED": "7"}


def test_a_canary_passes_the_gate_and_its_operating_point_is_written_by_the_second_person(
    steward: User, bob: User, maternity: Unit
) -> None:
    deploying.version()
    worse = deploying.version("9.9.3", thresholds={"top_10": 0.5})
    proposal = {
        "user": steward,
        "algorithm": "haemorrhage",
        "unit": maternity,
        "share": 10,
        "reason": "Try it",
        "mode": Mode.CANARY,
    }
    for of, code in ((deploying.NEW, "not_judged"), (worse.version, "not_judged")):
        with pytest.raises(Refused) as error:
            services.propose(**proposal, version=of)
        assert deploying.codes(error) == [code]
    deploying.judged(worse.version)
    with pytest.raises(Refused) as error:
        services.propose(**proposal, version=worse.version)
    assert set(deploying.codes(error)) == {"gate_refused"}
    deploying.judged()
    made = services.propose(**proposal, version=deploying.NEW)
    assert made.judgement.found.passed
    written = deploying.threshold(made)
    for wrong, code in (
        ("", "threshold_missing"),
        (written[:-1], "threshold_missing"),
        ("0.9000", "threshold_differs"),
    ):
        with pytest.raises(Refused) as error:
            services.approve(user=bob, deployment=made, threshold=wrong)
        assert deploying.codes(error) == [code]
    services.approve(user=bob, deployment=made, threshold=written.replace(".", ","))
    assert made.running
    assert f"{made.confirmed_threshold:.4f}" == written


def test_every_page_of_a_model_names_what_answers_beside_it(
    client: Client, steward: User, maternity: Unit
) -> None:
    deploying.version()
    made = deploying.deployed(Mode.CANARY, share=30)
    client.force_login(steward)
    said = f"Version {made.version}, a canary, answers 30 % of the patients of"
    for name, args in (
        ("models", ()),
        ("model", ("haemorrhage",)),
        ("version", ("haemorrhage", made.version)),
    ):
        assert said in client.get(reverse(name, args=args)).content.decode(), name
    assert "canary: answers a share" in client.get(reverse("versions")).content.decode()
    page = client.get(reverse("deployment", args=[made.pk])).content.decode()
    assert "What the gate found" in page
    assert deploying.threshold(made) in page


@pytest.mark.parametrize(
    ("language", "now", "then"),
    [
        (
            "en",
            "answers the studies of all patients of",
            "While it ran, version {v} answered the studies of all",
        ),
        ("fr", "répond aux études de tous les patients", "la version {v} a répondu aux études de tous"),
    ],
)
def test_a_canary_of_everybody_leaves_no_others_and_an_ended_one_is_told_in_the_past(
    client: Client, maternity: Unit, language: str, now: str, then: str
) -> None:
    deploying.version()
    made = deploying.deployed(Mode.CANARY, share=100)
    client.force_login(factories.staff("iris", Role.STEWARD, language=language))
    address = reverse("deployment", args=[made.pk])
    assert now in client.get(address).content.decode()
    services.end(user=made.decided_by, deployment=made, reason="Enough")
    told_now = client.get(address).content.decode()
    assert then.format(v=made.version) in told_now
    assert now not in told_now


def test_going_forward_or_back_ends_the_canary_with_it(bob: User, maternity: Unit) -> None:
    second = deploying.version("9.9.2", intended_use={"en": "Another", "fr": "Une autre"})
    deploying.version("9.9.4")
    smoke.record(second)
    steward = factories.staff("promoter", Role.STEWARD)
    proposal = promotions.proposed(steward, second)
    shadow = deploying.deployed(Mode.SHADOW, of=second.version)
    silent = deploying.deployed(Mode.SILENT, of="9.9.4")
    proposals.approve(user=bob, proposal=proposal, threshold=promotions.confirmation(proposal))
    shadow.refresh_from_db()
    assert shadow.standing == Standing.ENDED
    assert Deployment.objects.get(pk=silent.pk).running
    services.end(user=bob, deployment=silent)
    canary = deploying.deployed(Mode.CANARY, of="9.9.4", share=100)
    assert [one.version for one in beside.of("haemorrhage")] == ["9.9.4"]
    serving.roll_back(user=bob, algorithm="haemorrhage", reason="Too many alarms", replacing="9.9.2")
    canary.refresh_from_db()
    assert (canary.standing, canary.ended_by) == (Standing.ENDED, bob)
    assert "Too many alarms" in canary.end_reason
    assert beside.of("haemorrhage") == []
    assert Notice.objects.filter(recipient=canary.proposed_by, link=f"/deployments/{canary.pk}/").exists()
    assert Event.objects.filter(action=Action.WITHDRAW, object_id=str(canary.pk), actor=bob).count() == 1


# --- what answers -------------------------------------------------------------------------------


def test_a_canary_answers_its_patients_and_the_champion_the_others(
    alice: User, claire: Patient, maternity: Unit
) -> None:
    package = deploying.version()
    made = deploying.deployed(Mode.CANARY, share=50)
    others = [factories.patient(maternity, family_name=f"Lantern{n}") for n in range(12)]
    drawn = next(one for one in others if selectors.takes(made, one.pk))
    left = next(one for one in others if not selectors.takes(made, one.pk))
    for person, version in ((drawn, package.version), (left, packages.champion_version("haemorrhage"))):
        study = sent(alice, person)
        assert (selectors.version_for(study) or packages.champion_version("haemorrhage")) == version
        prediction = studies.analysed(study).prediction
        assert prediction.package_version == version
        assert prediction.package_sha256 == packages.load("haemorrhage", version).sha256
        # Its readers are told that it is on trial; the others have nothing to be told.
        marked = ["on_trial"] if person == drawn else []
        assert [problem["code"] for problem in prediction.problems] == marked


def test_a_retry_keeps_its_version_and_a_rollback_takes_it(alice: User, bob: User, claire: Patient) -> None:
    package = deploying.version()
    made = deploying.deployed(Mode.CANARY, share=100)
    study = sent(alice, claire)
    claimed = lease.claim(study.pk)
    run._write(claimed, run.Failure(run.NO_ROOM))
    assert selectors.version_for(study) == package.version
    Study.objects.filter(pk=study.pk).update(state=State.FAILED)
    study.refresh_from_db()
    intake.retry(user=alice, study=study)
    assert studies.analysed(study).prediction.package_version == package.version
    later = sent(alice, claire)
    services.end(user=bob, deployment=made)
    champion = packages.champion_version("haemorrhage")
    assert studies.analysed(later).prediction.package_version == champion


def test_a_canary_that_ends_during_an_analysis_gives_no_answer(
    alice: User, bob: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploying.version()
    made = deploying.deployed(Mode.CANARY, share=100)
    analyse = run.analyse

    def ended_meanwhile(study: Study, version: str = "") -> Any:
        if version:
            services.end(user=bob, deployment=made)
        return analyse(study, version)

    monkeypatch.setattr(run, "analyse", ended_meanwhile)
    prediction = studies.analysed(sent(alice, claire)).prediction
    assert prediction.package_version == packages.champion_version("haemorrhage")
    assert prediction.problems == []
    told = Notice.objects.filter(recipient=made.proposed_by)
    assert not [notice for notice in told if "failed" in notice.text["en"]]


def test_a_broken_canary_falls_back_with_a_mark_and_one_alarm(
    alice: User, claire: Patient, steward: User
) -> None:
    package = deploying.version()
    made = deploying.deployed(Mode.CANARY, share=100, steward=steward)
    deploying.damage(package)
    for _time in range(2):
        study = studies.analysed(sent(alice, claire))
        assert study.state == State.READY
        assert study.prediction.package_version == packages.champion_version("haemorrhage")
        assert [problem["code"] for problem in study.prediction.problems] == ["fell_back"]
        assert Allocation.objects.get(study=study).fell_back == "package_broken"
    told = Notice.objects.filter(recipient=steward, link=f"/deployments/{made.pk}/")
    assert [package.version in notice.text["en"] for notice in told] == [True]
    assert Event.objects.filter(action=Action.FAIL, kind="deployment", object_id=str(made.pk)).count() == 2


def test_a_package_swapped_under_its_version_gives_no_answer(alice: User, claire: Patient) -> None:
    deploying.version()
    made = deploying.deployed(Mode.CANARY, share=100)
    Deployment.objects.filter(pk=made.pk).update(package_sha256="0" * 64)
    study = studies.analysed(sent(alice, claire))
    assert study.prediction.package_version == packages.champion_version("haemorrhage")
    assert Allocation.objects.get(study=study).fell_back == "other_package"


def test_a_canary_that_is_too_slow_gives_its_study_back_to_the_queue(
    alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploying.version()
    deploying.deployed(Mode.CANARY, share=100)
    analyse = run.analyse
    slow = run.Failure(run.TOO_SLOW)
    monkeypatch.setattr(run, "analyse", lambda study, version="": slow if version else analyse(study))
    study = studies.analysed(sent(alice, claire))
    assert (study.state, study.lease) == (State.QUEUED, None)
    assert studies.analysed(study).prediction.package_version == packages.champion_version("haemorrhage")


def test_the_last_attempt_after_a_lost_worker_is_the_champions(alice: User, claire: Patient) -> None:
    deploying.version()
    deploying.deployed(Mode.CANARY, share=100)
    study = studies.analysed(sent(alice, claire, deaths=1))
    assert study.prediction.package_version == packages.champion_version("haemorrhage")
    assert Allocation.objects.get(study=study).fell_back == "worker_lost"


# --- the command --------------------------------------------------------------------------------


def test_the_command_deploys_approves_lists_and_ends(
    steward: User, bob: User, maternity: Unit, capsys: pytest.CaptureFixture[str]
) -> None:
    deploying.version()
    deploying.judged()
    start = ["deployments", "start", "haemorrhage", deploying.NEW, "--mode", "canary", "--share", "10"]
    call_command(*start, "--reason", "Try it", "--as", "steward")
    made = Deployment.objects.get()
    assert made.standing == Standing.PROPOSED
    with pytest.raises(CommandError, match="may not"):
        call_command("deployments", "approve", str(made.pk), "--as", "steward")
    with pytest.raises(CommandError, match="four decimals"):
        call_command("deployments", "approve", str(made.pk), "--as", "bob")
    written = deploying.threshold(made)
    call_command("deployments", "approve", str(made.pk), "--as", "bob", "--threshold", written)
    call_command("deployments", "list")
    assert f"{made.pk} running canary 10% haemorrhage {deploying.NEW} maternity" in capsys.readouterr().out
    call_command("deployments", "end", str(made.pk), "--as", "bob", "--reason", "Enough")
    made.refresh_from_db()
    assert (made.standing, made.ended_by, made.end_reason) == (Standing.ENDED, bob, "Enough")
    with pytest.raises(CommandError, match="Write why"):
        call_command(*start, "--reason", "", "--as", "steward")
    with pytest.raises(CommandError, match="nobody called"):
        call_command(*start, "--reason", "x", "--as", "ghost")

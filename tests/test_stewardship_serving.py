"""Which version serves: decided by two with a reason, kept for ever, followed at once, taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Notice, User
from clinic.audit.models import Action, Event
from ml import package as packages
from ml import runner
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Outcome, Refused
from ml.package import Package
from patients.models import Patient
from predictions import lease, run
from predictions.models import Prediction
from predictions.states import State
from predictions.stewardship import selectors, serving, taken_back
from predictions.stewardship.models import Decision, ServingDecision, Training
from predictions.versions import proposals
from predictions.versions.models import Proposal, Stage
from tests import promotions, studies, trainings

pytestmark = pytest.mark.django_db

ALGORITHM = "haemorrhage"


def package_of(training: Training) -> Package:
    return packages.load(ALGORITHM, training.package_version)


def serve(steward: User, training: Training, *, reason: str = "fits our births") -> None:
    promotions.served(steward, package_of(training), reason=reason)


def assessed(midwife: User, woman: Patient) -> Prediction:
    values = as_of(EXAMPLES[0], timezone.now())
    return studies.analysed(studies.waiting(midwife, woman, values=values)).prediction


def refusal(approver: User, proposal: Proposal) -> list[str]:
    before = packages.champion_version(ALGORITHM)
    with pytest.raises(Refused) as caught:
        proposals.approve(user=approver, proposal=proposal, threshold=promotions.confirmation(proposal))
    assert packages.champion_version(ALGORITHM) == before
    return [problem.code for problem in caught.value.problems]


def test_an_accepted_version_serves_from_the_next_assessment_on_and_the_former_one_after_it(
    steward: User, alice: User, claire: Patient
) -> None:
    shipped = packages.load(ALGORITHM)
    accepted = trainings.accepted(steward)
    first = assessed(alice, claire)
    serve(steward, accepted)
    second = assessed(alice, claire)
    serving.roll_back(
        user=steward, algorithm=ALGORITHM, reason="too many flagged", replacing=accepted.package_version
    )
    third = assessed(alice, claire)

    pinned = [(p.package_version, p.package_sha256) for p in (first, second, third)]
    here = (accepted.package_version, accepted.package_sha256)
    assert pinned == [(shipped.version, shipped.sha256), here, (shipped.version, shipped.sha256)]
    assert Prediction.objects.get(pk=second.pk).package_sha256 == accepted.package_sha256

    made = [(d.decision, d.version, d.replaced_version, d.reason) for d in ServingDecision.objects.all()]
    assert made == [
        (Decision.ROLL_BACK, shipped.version, "site-0001", "too many flagged"),
        (Decision.SERVE, "site-0001", shipped.version, "fits our births"),
    ]
    for action, who in ((Action.SERVE, promotions.signer(ALGORITHM)), (Action.ROLL_BACK, steward)):
        event = Event.objects.get(action=action, actor=who)
        assert (event.kind, event.object_id) == ("model", ALGORITHM)
        assert event.payload.data["reason"]


def test_a_decision_on_sight_of_another_version_is_refused(steward: User, bob: User) -> None:
    first = promotions.proposed(steward, package_of(trainings.accepted(steward, 1)))
    packages.name_champion(ALGORITHM, trainings.accepted(steward, 2).package_version)
    assert refusal(bob, first) == ["decided_meanwhile"]
    first.refresh_from_db()
    assert first.stage == Stage.OPEN


def test_a_package_that_is_not_the_judged_one_never_serves(steward: User, bob: User) -> None:
    judged = promotions.proposed(steward, package_of(trainings.accepted(steward)))
    Proposal.objects.filter(pk=judged.pk).update(package_sha256="0" * 64)
    judged.refresh_from_db()
    assert refusal(bob, judged) == ["package_changed"]


def test_a_decision_whose_file_cannot_be_written_is_not_kept(
    steward: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: str) -> None:
        raise OSError("no space left on device")

    accepted = package_of(trainings.accepted(steward))
    monkeypatch.setattr(packages, "name_champion", full)
    with pytest.raises(OSError), transaction.atomic():
        promotions.served(steward, accepted)
    assert not ServingDecision.objects.exists()
    assert not Event.objects.filter(action=Action.SERVE).exists()


def test_the_way_back_goes_step_by_step(steward: User) -> None:
    shipped = packages.champion_version(ALGORITHM)
    for number in (1, 2):
        serve(steward, trainings.accepted(steward, number))
    assert serving.former(ALGORITHM).replaced_version == "site-0001"
    for expected in ("site-0001", shipped):
        serving.roll_back(
            user=steward,
            algorithm=ALGORITHM,
            reason="back",
            replacing=packages.champion_version(ALGORITHM),
        )
        assert packages.champion_version(ALGORITHM) == expected
    assert serving.former(ALGORITHM) is None
    with pytest.raises(Refused) as caught:
        serving.roll_back(user=steward, algorithm=ALGORITHM, reason="back", replacing=shipped)
    assert caught.value.problems[0].code == "no_former_version"


def test_a_decision_is_never_changed_nor_deleted(steward: User) -> None:
    serve(steward, trainings.accepted(steward))
    for statement in (
        "UPDATE stewardship_servingdecision SET reason = 'another'",
        "DELETE FROM stewardship_servingdecision",
    ):
        with pytest.raises(DatabaseError, match="written once"), transaction.atomic():
            connection.cursor().execute(statement)


def test_the_page_is_told_when_a_version_was_named_elsewhere(steward: User) -> None:
    serve(steward, trainings.accepted(steward, 1))
    packages.name_champion(ALGORITHM, trainings.accepted(steward, 2).package_version)
    service = selectors.service(ALGORITHM)
    assert (service.version, service.decision, len(service.history)) == ("site-0002", None, 1)


def test_the_way_back_needs_nothing_of_a_package_that_is_lost(steward: User) -> None:
    shipped = packages.champion_version(ALGORITHM)
    accepted = trainings.accepted(steward)
    lost = package_of(accepted)
    serve(steward, accepted)
    lost.folder.rename(lost.folder.with_name("moved"))
    service = selectors.service(ALGORITHM)
    assert (service.version, service.sha256) == (lost.version, "")
    with pytest.raises(Refused) as caught:
        proposals.propose(user=steward, algorithm=ALGORITHM, version=shipped, reason="whole")
    assert [problem.code for problem in caught.value.problems] == ["serving_broken"]
    made = serving.roll_back(user=steward, algorithm=ALGORITHM, reason="lost", replacing=lost.version)
    assert made is not None
    assert (made.version, made.replaced_sha256) == (shipped, lost.sha256)
    assert packages.champion_version(ALGORITHM) == shipped


def test_a_study_under_way_is_answered_by_what_serves_when_it_ends(
    steward: User, alice: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = packages.champion_version(ALGORITHM)
    accepted = trainings.accepted(steward)
    serve(steward, accepted)
    asked = runner.run

    def back_meanwhile(*args: Any, **values: Any) -> Outcome:
        outcome = asked(*args, **values)
        if packages.champion_version(ALGORITHM) != shipped:
            serving.roll_back(
                user=steward, algorithm=ALGORITHM, reason="wrong", replacing=accepted.package_version
            )
        return outcome

    monkeypatch.setattr(runner, "run", back_meanwhile)
    study = studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now()))
    run.run(lease.claim(study.pk))
    study.refresh_from_db()
    assert (study.state, study.predictions.count()) == (State.QUEUED, 0)
    assert studies.analysed(study).prediction.package_version == shipped


def test_drafts_of_a_version_taken_back_say_so_until_it_serves_again(
    steward: User, alice: User, bob: User, claire: Patient, client: Client
) -> None:
    shipped, accepted = packages.champion_version(ALGORITHM), trainings.accepted(steward)
    serve(steward, accepted)
    draft = assessed(alice, claire).study
    back = {"user": steward, "algorithm": ALGORITHM, "reason": "flags everybody"}
    serving.roll_back(**back, replacing=accepted.package_version)
    later = assessed(alice, claire).study

    assert taken_back.of(draft).reason == "flags everybody"
    assert taken_back.of(later) is None
    assert taken_back.among([draft, later]) == {draft.pk}
    assert "flags everybody" in Notice.objects.get(recipient=bob, link="/").text["en"]
    client.force_login(bob)
    assert "was taken out of service" in client.get(f"/studies/{draft.pk}/").content.decode()
    assert "was taken out of service" not in client.get(f"/studies/{later.pk}/").content.decode()
    assert client.get("/").content.decode().count("version taken out of service") == 1
    told = client.get(f"/api/studies/{draft.pk}/result").json()["problems"]
    assert "version_taken_back" in [problem["code"] for problem in told]
    client.force_login(steward)
    again = client.get(reverse("version_propose", args=[ALGORITHM, accepted.package_version]))
    assert "flags everybody" in again.content.decode()
    packages.name_champion(ALGORITHM, accepted.package_version)
    assert taken_back.of(assessed(alice, claire).study) is None, "answered since, as on a trial"
    packages.name_champion(ALGORITHM, shipped)

    serve(steward, accepted)
    assert taken_back.of(draft) is None

"""Which version serves: decided by a steward with a reason, kept for ever, followed at once, taken back."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml import package as packages
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Refused
from patients.models import Patient
from predictions.models import Prediction
from predictions.stewardship import selectors, serving
from predictions.stewardship.models import Decision, ServingDecision, Training
from predictions.stewardship.states import State
from tests import studies, trainings

pytestmark = pytest.mark.django_db

ALGORITHM = "haemorrhage"


def serve(steward: User, training: Training, *, reason: str = "fits our births", replacing: str = "") -> None:
    serving.serve(
        user=steward,
        training=training,
        reason=reason,
        replacing=replacing or packages.champion_version(ALGORITHM),
    )


def assessed(midwife: User, woman: Patient) -> Prediction:
    values = as_of(EXAMPLES[0], timezone.now())
    return studies.analysed(studies.waiting(midwife, woman, values=values)).prediction


def refusal(steward: User, training: Training, **how: str) -> list[str]:
    before = packages.champion_version(ALGORITHM)
    with pytest.raises(Refused) as caught:
        serve(steward, training, **how)
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
    for action in (Action.SERVE, Action.ROLL_BACK):
        event = Event.objects.get(action=action, actor=steward)
        assert (event.kind, event.object_id) == ("model", ALGORITHM)
        assert event.payload.data["reason"]


def test_a_second_click_finds_it_serving_already(steward: User) -> None:
    accepted = trainings.accepted(steward)
    shipped = packages.champion_version(ALGORITHM)
    serve(steward, accepted, replacing=shipped)
    serve(steward, accepted, replacing=shipped)
    assert ServingDecision.objects.count() == 1


def test_a_decision_on_sight_of_another_version_is_refused(steward: User) -> None:
    shipped = packages.champion_version(ALGORITHM)
    serve(steward, trainings.accepted(steward, 1))
    other = trainings.accepted(steward, 2)
    assert refusal(steward, other, replacing=shipped) == ["decided_meanwhile"]


def test_a_decision_needs_a_reason(steward: User) -> None:
    assert refusal(steward, trainings.accepted(steward), reason="  ") == ["reason_missing"]


def test_only_an_accepted_candidate_can_serve(steward: User) -> None:
    accepted = trainings.accepted(steward)
    Training.objects.filter(pk=accepted.pk).update(state=State.REJECTED)
    accepted.refresh_from_db()
    assert refusal(steward, accepted) == ["not_accepted"]


def test_a_package_that_is_not_the_accepted_one_never_serves(steward: User) -> None:
    accepted = trainings.accepted(steward)
    Training.objects.filter(pk=accepted.pk).update(package_sha256="0" * 64)
    accepted.refresh_from_db()
    assert refusal(steward, accepted) == ["package_changed"]
    damaged = trainings.accepted(steward, 2)
    (packages.SITE / ALGORITHM / damaged.package_version / "manifest.json").write_text("{}", "utf-8")
    assert refusal(steward, damaged) == ["package_changed"]


def test_a_decision_whose_file_cannot_be_written_is_not_kept(
    steward: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: str) -> None:
        raise OSError("no space left on device")

    accepted = trainings.accepted(steward)
    monkeypatch.setattr(packages, "name_champion", full)
    with pytest.raises(OSError), transaction.atomic():
        serve(steward, accepted)
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

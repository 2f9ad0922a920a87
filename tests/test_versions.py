"""Two people and a gate before a version serves: who may do what, what is kept, what is refused."""

from __future__ import annotations

import json
from io import StringIO
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
from ml.contracts import Refused
from ml.package import Package
from predictions import jobs
from predictions.deployments.models import Deployment, Mode, Standing
from predictions.models.job import JobState
from predictions.stewardship import serving
from predictions.stewardship.models import ServingDecision
from predictions.versions import proposals, selectors, services
from predictions.versions.aliases import aliases
from predictions.versions.models import Mirroring, ModelVersion, Proposal, Stage
from tests import deploying, factories, promotions, trainings

pytestmark = pytest.mark.django_db

SLEEP, CREDIT = "sleep", "german_credit"


@pytest.fixture
def older() -> Package:
    """Return the night model that came before the serving one: sound, and allowed to serve again."""
    return packages.load(SLEEP, "1.2.0")


@pytest.fixture
def open_one(steward: User, sandra: User, older: Package) -> Proposal:
    """Return a proposal that passed the gate and waits for the physician of the sleep laboratory."""
    made = promotions.proposed(steward, older, reason="The newer one tires the laboratory")
    assert made.stage == Stage.OPEN
    return made


def codes(step: Any, **how: Any) -> list[str]:
    before = packages.champion_version(SLEEP)
    with pytest.raises(Refused) as caught:
        step(**how)
    assert packages.champion_version(SLEEP) == before
    for problem in caught.value.problems:
        assert problem.message.en != problem.message.fr
    return [problem.code for problem in caught.value.problems]


def test_the_second_person_confirms_the_operating_point_and_the_version_serves_until_taken_back(
    steward: User, sandra: User, older: Package, open_one: Proposal
) -> None:
    shipped = packages.champion_version(SLEEP)
    assert aliases(SLEEP) == {shipped: {"champion"}, "1.2.0": {"challenger"}}
    assert Notice.objects.filter(recipient=sandra, link=proposals.address(open_one)).count() == 1
    threshold = promotions.confirmation(open_one).replace(".", ",")
    proposals.approve(user=sandra, proposal=open_one, threshold=threshold, reason="Agreed in our meeting")
    assert packages.champion_version(SLEEP) == "1.2.0"
    assert aliases(SLEEP) == {"1.2.0": {"champion"}}
    decision = ServingDecision.objects.get(algorithm=SLEEP)
    assert (decision.decided_by, decision.proposal.proposed_by) == (sandra, steward)
    assert decision.reason == "The newer one tires the laboratory — Agreed in our meeting"
    assert open_one.confirmed_threshold == pytest.approx(older.thresholds["confidence"], abs=5e-5)
    call_command(
        "versions", "rollback", SLEEP, "--reason", "Too many epochs", "--as", "sandra", stdout=StringIO()
    )
    assert packages.champion_version(SLEEP) == shipped
    steps = Event.objects.filter(kind__in=("proposal", "model")).order_by("id")
    taken = [(event.action, event.actor and event.actor.username) for event in steps]
    assert taken == [
        (Action.REQUEST, "steward"), (Action.ACCEPT, None), (Action.APPROVE, "sandra"),
        (Action.SERVE, "sandra"), (Action.ROLL_BACK, "sandra"),
    ]  # fmt: skip


def test_nobody_decides_on_their_own_and_nobody_of_another_unit(
    steward: User, bob: User, sandra: User, open_one: Proposal
) -> None:
    threshold = promotions.confirmation(open_one)
    assert codes(proposals.approve, user=steward, proposal=open_one, threshold=threshold) == ["own_proposal"]
    assert codes(proposals.approve, user=bob, proposal=open_one, threshold=threshold) == ["not_entitled"]
    # Even who may both propose and decide is one person.
    Proposal.objects.filter(pk=open_one.pk).update(proposed_by=sandra)
    open_one.refresh_from_db()
    assert codes(proposals.approve, user=sandra, proposal=open_one, threshold=threshold) == ["own_proposal"]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "threshold_missing"),
        ("yes", "threshold_missing"),
        ("0.9000", "threshold_differs"),
        ("0.684", "threshold_missing"),
    ],
)
def test_the_operating_point_must_be_written_as_it_is(
    sandra: User, open_one: Proposal, written: str, code: str
) -> None:
    assert codes(proposals.approve, user=sandra, proposal=open_one, threshold=written) == [code]


def test_a_proposal_is_declined_with_a_reason_and_another_can_follow(
    steward: User, sandra: User, older: Package, open_one: Proposal
) -> None:
    assert codes(proposals.decline, user=sandra, proposal=open_one, reason=" ") == ["reason_missing"]
    again = {"user": steward, "algorithm": SLEEP, "version": "1.2.0", "reason": "again"}
    assert codes(proposals.propose, **again) == ["one_is_open"]
    proposals.decline(user=sandra, proposal=open_one, reason="Not before the holidays")
    assert Notice.objects.filter(recipient=steward, link=proposals.address(open_one)).exists()
    assert not ServingDecision.objects.exists()
    assert codes(proposals.approve, user=sandra, proposal=open_one, threshold="0.684") == ["not_open"]
    assert promotions.proposed(steward, older).number == 2


def test_a_proposal_is_withdrawn_before_and_after_it_was_judged(
    steward: User, sandra: User, open_one: Proposal
) -> None:
    proposals.withdraw(user=steward, proposal=open_one)
    assert open_one.stage == Stage.WITHDRAWN
    waiting = proposals.propose(user=steward, algorithm=SLEEP, version="1.2.0", reason="again")
    proposals.withdraw(user=steward, proposal=waiting)
    assert (waiting.stage, waiting.state) == (Stage.WITHDRAWN, JobState.WITHDRAWN)
    jobs.work(proposals.KIND, waiting.pk)
    waiting.refresh_from_db()
    assert waiting.verdict is None


def test_a_worse_version_is_refused_by_the_gate_and_nobody_is_asked(steward: User, admin: User) -> None:
    serving = packages.load(CREDIT)
    metrics = json.loads(json.dumps(serving.manifest["metrics"]))
    next(metric for metric in metrics if metric["name"] == "roc_auc")["value"] -= 0.05
    refused = promotions.proposed(steward, trainings.copied(CREDIT, "9.0.0", metrics=metrics))
    assert (refused.stage, refused.open) == (Stage.REFUSED, False)
    assert [criterion.code for criterion in refused.found.failed] == ["worse:roc_auc"]
    assert not Notice.objects.filter(recipient=admin).exists()
    assert Notice.objects.filter(recipient=steward).count() == 1
    event = Event.objects.get(action=Action.REJECT, kind="proposal")
    assert event.payload.data["failed"] == ["worse:roc_auc"]
    assert codes(proposals.approve, user=admin, proposal=refused, threshold="0.1667") == ["not_open"]


def test_a_broken_package_is_refused_at_once_and_one_spoilt_later_by_the_gate(steward: User) -> None:
    made = trainings.copied(CREDIT, "9.0.0", data={"name": "another draw"})
    waiting = proposals.propose(user=steward, algorithm=CREDIT, version="9.0.0", reason="sound so far")
    graph = made.folder / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    jobs.work(proposals.KIND, waiting.pk)
    waiting.refresh_from_db()
    assert [criterion.code for criterion in waiting.found.failed] == ["whole"]
    assert "model.onnx" in waiting.found.failed[0].sentence.fr
    again = {"user": steward, "algorithm": CREDIT, "version": "9.0.0", "reason": "again"}
    assert codes(proposals.propose, **again) == ["broken_package"]
    assert codes(proposals.propose, **again | {"version": "no-such"}) == ["no_such_version"]
    assert codes(proposals.propose, **again | {"version": "1.1.0"}) == ["serves_already"]


def test_a_reference_task_is_decided_by_an_office(steward: User, admin: User, alice: User) -> None:
    made = promotions.proposed(steward, trainings.copied(CREDIT, "9.0.0", data={"name": "another draw"}))
    threshold = promotions.confirmation(made)
    assert codes(proposals.approve, user=alice, proposal=made, threshold=threshold) == ["not_entitled"]
    proposals.approve(user=admin, proposal=made, threshold=threshold)
    assert packages.champion_version(CREDIT) == "9.0.0"


def test_the_operating_point_to_confirm_is_that_of_the_ward(
    steward: User, bob: User, maternity: Unit
) -> None:
    Unit.objects.filter(pk=maternity.pk).update(incidence=0.04, flag_share=0.05)
    trainings.accepted(steward)
    made = promotions.proposed(steward, packages.load("haemorrhage", "site-0001"))
    assert made.operating_point.name == "top_5"
    assert "4.0 in 100" in made.operating_point.how.en


def test_packages_on_disk_are_registered_once_with_where_they_come_from() -> None:
    trainings.copied("haemorrhage", "site-0001")
    broken = packages.SITE / "haemorrhage" / "site-0002"
    broken.mkdir()
    (broken / packages.MANIFEST).write_text("{}", "utf-8")
    made = {(row.algorithm, row.version): row for row in services.register_all()}
    assert made["haemorrhage", "site-0001"].origin == "site"
    assert made["haemorrhage", "1.1.0"].origin == "shipped"
    assert made[SLEEP, "1.3.0"].package_sha256 == packages.load(SLEEP).sha256
    assert not made[SLEEP, "cnn-1.0.0"].serves
    assert ("haemorrhage", "site-0002") not in made
    assert services.register_all() == []
    assert ModelVersion.objects.count() == len(made)
    assert not Mirroring.objects.exists()  # nobody named a server of MLflow
    assert selectors.get(SLEEP, "1.2.0").metrics[0]["name"] == "accuracy"


def test_mlflow_is_told_once_per_algorithm_where_it_has_a_server(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that has trained has this in its environment, without anybody having named a server.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////var/mlflow.db")
    assert not services.tells_mlflow()
    settings.MLFLOW_SERVER = "http://mlflow.invalid:5000"
    made = services.register_all()
    call_command("versions", "sync", "--mlflow", stdout=StringIO())
    told = sorted(Mirroring.objects.values_list("algorithm", flat=True))
    assert told == sorted({row.algorithm for row in made})


def test_the_command_takes_every_step_and_refuses_whoever_may_not(
    steward: User, sandra: User, alice: User, admin: User
) -> None:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command("versions", *arguments, stdout=out)
        return out.getvalue()

    assert "sleep 1.2.0 registered" in run("sync")
    assert run("sync").strip() == "nothing new"
    propose = ("propose", SLEEP, "--version", "1.2.0", "--reason", "steadier", "--as")
    for nobody in ("alice", "sandra", "admin", "ghost"):
        with pytest.raises(CommandError):
            run(*propose, nobody)
    assert "waits for the gate" in run(*propose, "steward")
    approve = ("approve", SLEEP, "--threshold", "0.6840", "--as")
    with pytest.raises(CommandError, match="being judged"):
        run(*approve, "sandra")
    jobs.work(proposals.KIND, Proposal.objects.get().pk)
    for nobody in ("alice", "steward", "admin"):
        with pytest.raises(CommandError):
            run(*approve, nobody)
    listed = run("list")
    assert "sleep 1.2.0 a01c3bfd challenger" in listed
    assert "sleep proposed: 1.2.0, open" in listed
    with pytest.raises(CommandError, match="not the operating point"):
        run("approve", SLEEP, "--threshold", "0.5000", "--as", "sandra")
    assert run(*approve, "sandra").strip() == "sleep 1.2.0 serves"
    assert "sleep 1.3.0 serves" in run("rollback", SLEEP, "--reason", "back", "--as", "steward")


def desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_page_of_a_version_compares_it_and_says_for_whom_it_was_measured(alice: User) -> None:
    page = desk(alice).get(reverse("version", args=[SLEEP, "1.2.0"])).content.decode()
    assert "stand beside those of version 1.3.0 on the same data" in page
    assert "0.742" in page  # one frontal EEG, 1.2.0
    assert "+0.005" in page  # and what it is more than 1.3.0
    for said in ("For whom it was measured", "Age", "Device and way of recording", "SC-subjects"):
        assert said in page, said
    model = desk(alice).get(reverse("model", args=[SLEEP])).content.decode()
    assert "version 1.2.0 on the same data" in model
    assert desk(alice).get(reverse("version", args=[SLEEP, "9.9.9"])).status_code == 404
    assert desk(alice).get(reverse("version", args=["nothing", "1"])).status_code == 404


def test_a_decider_finds_the_form_and_nobody_else_does(
    steward: User, sandra: User, alice: User, open_one: Proposal
) -> None:
    address = reverse("proposal", args=[SLEEP, open_one.pk])
    decide = reverse("proposal_decide", args=[SLEEP, open_one.pk])
    assert decide in desk(sandra).get(address).content.decode()
    for user in (steward, alice):
        assert decide not in desk(user).get(address).content.decode()
        assert desk(user).post(decide, {"decision": "approve"}).status_code == 403
    wrong = desk(sandra).post(decide, {"decision": "approve", "threshold": "0,9000", "reason": "typed here"})
    assert wrong.status_code == 422
    assert "typed here" in wrong.content.decode()
    assert "This is not the operating point" in wrong.content.decode()


def test_a_program_lists_proposes_and_decides_as_its_people_may(
    steward: User, sandra: User, alice: User
) -> None:
    versions = desk(alice).get(f"/api/algorithms/{SLEEP}/versions").json()
    assert [found["version"] for found in versions if "champion" in found["aliases"]] == ["1.3.0"]
    proposed = {"version": "1.2.0", "reason": "steadier"}
    made = desk(steward).post(f"/api/algorithms/{SLEEP}/proposals", proposed, "application/json")
    assert made.status_code == 202
    address = f"/api/algorithms/{SLEEP}/proposals/{made.json()['id']}"
    jobs.work(proposals.KIND, made.json()["id"])
    assert desk(alice).get(address).json()["stage"] == "open"
    decision = {"decision": "approve", "threshold": "0.5000"}
    wrong = desk(sandra).post(address, decision, "application/json")
    assert (wrong.status_code, wrong.json()["problems"][0]["code"]) == (422, "threshold_differs")
    empty = desk(sandra).post(address, decision | {"threshold": ""}, "application/json")
    assert (empty.status_code, empty.json()["problems"][0]["code"]) == (422, "threshold_missing")
    right = desk(sandra).post(address, decision | {"threshold": "0.6840"}, "application/json")
    assert (right.status_code, right.json()["stage"]) == (200, "approved")
    assert packages.champion_version(SLEEP) == "1.2.0"


def test_going_back_is_for_those_who_sign_too_but_not_for_everybody(
    steward: User, sandra: User, terry: User, older: Package
) -> None:
    promotions.served(steward, older)
    address = reverse("serving_roll_back", args=[SLEEP])
    model = reverse("model", args=[SLEEP])
    assert address in desk(sandra).get(model).content.decode()
    assert address not in desk(terry).get(model).content.decode()
    form = {"reason": "Woke everybody", "replacing": "1.2.0"}
    assert desk(terry).post(address, form).status_code == 403
    assert desk(sandra).post(address, form).status_code == 302
    assert packages.champion_version(SLEEP) == "1.3.0"


def test_a_stranger_to_the_house_of_a_unit_may_not_decide_in_it(radiology: Unit, open_one: Proposal) -> None:
    physician = factories.staff("other", Role.PHYSICIAN, radiology, password=factories.PASSWORD)
    decide = reverse("proposal_decide", args=[SLEEP, open_one.pk])
    assert desk(physician).post(decide, {"decision": "decline", "reason": "no"}).status_code == 403
    assert Event.objects.filter(action=Action.REFUSED, actor=physician).exists()


def test_parts_of_the_patients_are_shown_for_the_very_package_they_were_measured_with(alice: User) -> None:
    shown = reverse("version", args=["haemorrhage", "1.1.0"])
    page = desk(alice).get(shown).content.decode()
    assert "mothers under 30 years" in page
    assert "zurich_under_30.roc_auc" in page
    trainings.copied("haemorrhage", "9.0.0", data={"external_checks": [], "training": "another"})
    other = desk(alice).get(reverse("version", args=["haemorrhage", "9.0.0"])).content.decode()
    assert "zurich_under_30.roc_auc" not in other
    assert "Not measured for this version" in other


def test_a_version_in_the_shadow_is_called_so_and_has_to_have_shown_enough(
    steward: User, sleep_lab: Unit, older: Package
) -> None:
    Deployment.objects.create(
        algorithm=SLEEP, unit=sleep_lab, version="1.2.0", package_sha256=older.sha256, mode=Mode.SHADOW,
        standing=Standing.RUNNING, reason="Look at it first", proposed_by=steward, proposed_at=timezone.now(),
        started_at=timezone.now(),
    )  # fmt: skip
    assert aliases(SLEEP)["1.2.0"] == {"shadow"}
    refused = promotions.proposed(steward, older)
    assert [criterion.code for criterion in refused.found.failed] == ["shadow:studies"]
    assert refused.shadow["studies"] == 0


def test_a_proposal_held_against_a_version_that_serves_no_more_is_closed(
    steward: User, older: Package
) -> None:
    shipped = packages.load(SLEEP)
    promotions.served(steward, older)
    waiting = promotions.proposed(steward, shipped)
    assert waiting.stage == Stage.OPEN
    serving.roll_back(user=steward, algorithm=SLEEP, reason="wrong", replacing=older.version)
    waiting.refresh_from_db()
    assert (waiting.stage, waiting.answered_by) == (Stage.WITHDRAWN, steward)
    assert Notice.objects.filter(recipient=steward, link=proposals.address(waiting)).exists()


def test_nobody_approves_what_a_closed_account_proposed(
    steward: User, sandra: User, open_one: Proposal
) -> None:
    User.objects.filter(pk=steward.pk).update(is_active=False)
    proposal = Proposal.objects.get(pk=open_one.pk)
    sent = {"user": sandra, "proposal": proposal, "threshold": promotions.confirmation(proposal)}
    assert codes(proposals.approve, **sent) == ["proposer_left"]


def test_the_address_of_a_decision_leads_to_its_proposal(
    sandra: User, open_one: Proposal, client: Client
) -> None:
    client.force_login(sandra)
    answer = client.get(reverse("proposal_decide", args=[SLEEP, open_one.pk]))
    assert (answer.status_code, answer.url) == (302, proposals.address(open_one))


def test_a_package_changed_since_it_was_judged_is_said_on_the_page(
    sandra: User, steward: User, client: Client
) -> None:
    candidate = packages.load("haemorrhage", trainings.accepted(steward).package_version)
    proposal = promotions.proposed(steward, candidate)
    assert proposal.stage == Stage.OPEN
    file = candidate.folder / next(iter(candidate.manifest["files"]))
    client.force_login(sandra)
    assert "no longer the one that was judged" not in client.get(proposals.address(proposal)).content.decode()
    file.write_bytes(file.read_bytes()[:-1])
    assert "no longer the one that was judged" in client.get(proposals.address(proposal)).content.decode()


def test_the_pages_of_a_damaged_version_name_what_is_broken(steward: User) -> None:
    made = deploying.version()
    deploying.damage(made)
    client = desk(steward)
    for page in ("version", "version_propose"):
        answer = client.get(reverse(page, args=["haemorrhage", made.version]))
        assert answer.status_code == 200
        assert next(iter(made.manifest["files"])) in answer.content.decode(), page
    assert 'name="reason"' not in answer.content.decode()

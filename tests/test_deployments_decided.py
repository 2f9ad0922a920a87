"""A version beside the one in service: who proposes, who decides, what is refused, who learns of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Notice, Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml import package as packages
from ml.contracts import Refused
from predictions.deployments import selectors, services, told
from predictions.deployments.models import Deployment, Mode, Standing
from predictions.stewardship import serving
from tests import deploying, factories

pytestmark = pytest.mark.django_db


def test_a_shadow_starts_with_the_steward_alone(steward: User, maternity: Unit) -> None:
    deploying.version()
    made = deploying.deployed(Mode.SHADOW, steward=steward)
    assert (made.standing, made.decided_by) == (Standing.RUNNING, None)
    event = Event.objects.get(action=Action.DEPLOY, actor=steward)
    assert json.loads(event.payload.content)["reason"] == "To see how it does here"


@pytest.mark.parametrize("mode", [Mode.SILENT, Mode.CANARY])
def test_what_answers_studies_takes_two_persons(mode: str, steward: User, bob: User, maternity: Unit) -> None:
    deploying.version()
    deploying.judged()
    made = services.propose(
        user=steward, algorithm="haemorrhage", unit=maternity, version=deploying.NEW, mode=mode,
        share=20 if mode == Mode.CANARY else None, reason="Try it",
    )  # fmt: skip
    assert made.standing == Standing.PROPOSED
    assert not selectors.running("haemorrhage").exists()
    assert Notice.objects.filter(recipient=bob, link=f"/deployments/{made.pk}/").exists()
    with pytest.raises(PermissionDenied):
        services.approve(user=steward, deployment=made)
    services.approve(user=bob, deployment=made, threshold=deploying.threshold(made))
    assert made.running
    actions = Event.objects.filter(kind="deployment", object_id=str(made.pk)).order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [Action.REQUEST, Action.APPROVE, Action.DEPLOY]


def test_nobody_but_a_signer_of_the_unit_approves(
    steward: User, alice: User, charlie: User, admin: User, maternity: Unit
) -> None:
    deploying.version()
    made = services.propose(
        user=steward, algorithm="haemorrhage", unit=maternity, version=deploying.NEW, mode=Mode.SILENT,
        share=None, reason="Try it",
    )  # fmt: skip
    for stranger in (alice, charlie, admin):
        with pytest.raises(PermissionDenied):
            services.approve(user=stranger, deployment=made)
        with pytest.raises(PermissionDenied):
            services.end(user=stranger, deployment=made)
        assert Event.objects.filter(action=Action.REFUSED, actor=stranger, kind="deployment").exists()
    with pytest.raises(PermissionDenied):
        services.propose(
            user=alice, algorithm="haemorrhage", unit=maternity, version=deploying.NEW, mode=Mode.SHADOW,
            share=None, reason="Try it",
        )  # fmt: skip


def test_the_database_itself_wants_two_persons(steward: User, maternity: Unit) -> None:
    made = {
        "algorithm": "haemorrhage", "unit": maternity, "version": "1", "package_sha256": "0" * 64,
        "mode": Mode.CANARY, "standing": Standing.RUNNING, "reason": "x", "proposed_by": steward,
        "proposed_at": timezone.now(),
    }  # fmt: skip
    for decided_by in (None, steward):
        with pytest.raises(IntegrityError), transaction.atomic():
            Deployment.objects.create(**made, decided_by=decided_by)


def test_every_reason_why_not_is_named(steward: User, maternity: Unit) -> None:
    with pytest.raises(Refused) as error:
        services.propose(
            user=steward, algorithm="haemorrhage", unit=None, version="0.0.0", mode="loud", share=None,
            reason=" ",
        )  # fmt: skip
    assert deploying.codes(error) == ["unit_missing", "mode_missing", "package_broken", "reason_missing"]
    with pytest.raises(Refused) as error:
        services.propose(
            user=steward, algorithm="haemorrhage", unit=maternity, mode=Mode.CANARY, share=101,
            version=packages.champion_version("haemorrhage"), reason="x",
        )  # fmt: skip
    assert deploying.codes(error) == ["share_missing", "serves_already"]


def test_one_version_answers_beside_the_serving_one(steward: User, maternity: Unit) -> None:
    deploying.version()
    deploying.version("9.9.2")
    deploying.deployed(Mode.CANARY, share=10)
    with pytest.raises(Refused) as error:
        deploying.deployed(Mode.SILENT, of="9.9.2")
    assert deploying.codes(error) == ["unit_taken"]


def test_a_package_changed_since_its_proposal_does_not_start(
    steward: User, bob: User, maternity: Unit
) -> None:
    package = deploying.version()
    deploying.judged()
    made = services.propose(
        user=steward, algorithm="haemorrhage", unit=maternity, version=package.version, mode=Mode.CANARY,
        share=10, reason="Try it",
    )  # fmt: skip
    deploying.damage(package)
    with pytest.raises(Refused) as error:
        services.approve(user=bob, deployment=made)
    assert deploying.codes(error) == ["package_changed"]


def test_a_second_click_ends_nothing_twice_and_no_row_is_deleted(bob: User, maternity: Unit) -> None:
    deploying.version()
    made = deploying.deployed(Mode.CANARY, share=10)
    services.end(user=bob, deployment=made)
    services.end(user=bob, deployment=made)
    assert Event.objects.filter(action=Action.WITHDRAW, kind="deployment").count() == 1
    with pytest.raises(Exception, match="kept"), transaction.atomic():
        made.delete()


# --- who is drawn -------------------------------------------------------------------------------


def test_a_person_who_left_deploys_nothing(steward: User, maternity: Unit) -> None:
    deploying.version()
    factories.staff("gone", Role.STEWARD, is_active=False)
    with pytest.raises(CommandError, match="nobody called"):
        call_command(
            "deployments", "start", "haemorrhage", deploying.NEW, "--mode", "shadow", "--reason", "x",
            "--as", "gone",
        )  # fmt: skip


def asked(steward: User, unit: Unit, **changed: Any) -> Deployment:
    """Propose what a test changes a word of."""
    said = {"mode": Mode.SILENT, "share": None, "reason": "Try it", "version": deploying.NEW}
    return services.propose(user=steward, algorithm="haemorrhage", unit=unit, **said | changed)


def test_one_proposal_waits_in_a_unit_and_only_a_canary_has_a_share(steward: User, maternity: Unit) -> None:
    deploying.version()
    asked(steward, maternity)
    with pytest.raises(Refused) as caught:
        asked(steward, maternity)
    assert deploying.codes(caught) == ["unit_taken"]
    with pytest.raises(Refused) as caught:
        asked(steward, maternity, mode=Mode.SHADOW, share=50)
    assert deploying.codes(caught) == ["share_not_asked"]


def test_a_version_that_answers_the_unit_runs_in_no_shadow_of_itself(
    steward: User, bob: User, maternity: Unit
) -> None:
    deploying.version()
    services.approve(user=bob, deployment=asked(steward, maternity))
    with pytest.raises(Refused) as caught:
        asked(steward, maternity, mode=Mode.SHADOW)
    assert deploying.codes(caught) == ["answers_there"]


def test_nothing_starts_for_somebody_whose_account_was_closed(
    steward: User, bob: User, maternity: Unit
) -> None:
    deploying.version()
    made = asked(steward, maternity)
    User.objects.filter(pk=steward.pk).update(is_active=False)
    made = Deployment.objects.get(pk=made.pk)
    with pytest.raises(Refused) as caught:
        services.approve(user=bob, deployment=made)
    assert deploying.codes(caught) == ["proposer_left"]


def test_a_long_reason_is_kept_whole_or_refused_by_its_length(steward: User, maternity: Unit) -> None:
    deploying.version()
    made = asked(steward, maternity, reason="a\r\n" * 1000)
    assert made.reason == ("a\n" * 1000).strip()
    with pytest.raises(Refused) as caught:
        asked(steward, maternity, mode=Mode.SHADOW, reason="a" * 2001)
    assert deploying.codes(caught) == ["reason_too_long"]


def test_a_proposed_canary_goes_with_the_version_it_was_judged_against(
    steward: User, bob: User, maternity: Unit
) -> None:
    deploying.version()
    deploying.judged()
    made = asked(steward, maternity, mode=Mode.CANARY, share=20)
    serving.serve(
        user=bob, algorithm="haemorrhage", version=deploying.NEW, reason="approved", kept=lambda _made: None,
        replacing=packages.champion_version("haemorrhage"),
        sha256=packages.load("haemorrhage", deploying.NEW).sha256,
    )  # fmt: skip
    made.refresh_from_db()
    assert made.standing == Standing.WITHDRAWN


def test_a_shadow_that_met_no_study_says_nothing_for_the_gate(steward: User, maternity: Unit) -> None:
    deploying.version()
    made = asked(steward, maternity, mode=Mode.SHADOW)
    assert told.shown("haemorrhage", deploying.NEW).studies == 0
    services.end(user=steward, deployment=made)
    assert told.shown("haemorrhage", deploying.NEW) is None


def test_readers_learn_of_no_shadow_on_the_pages_of_versions(
    steward: User, alice: User, maternity: Unit, client: Client
) -> None:
    deploying.version()
    asked(steward, maternity, mode=Mode.SHADOW)
    for page in (reverse("versions"), reverse("version", args=["haemorrhage", deploying.NEW])):
        client.force_login(steward)
        assert ">shadow:" in client.get(page).content.decode()
        client.force_login(alice)
        assert ">shadow:" not in client.get(page).content.decode()

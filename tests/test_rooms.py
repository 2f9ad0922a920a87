"""Ways to the rooms about the models: to every room that is open, with the present one marked."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from patients.models import Patient
from predictions.versions.models import Proposal

pytestmark = pytest.mark.django_db

LINK = re.compile(r'<a [^>]*href="([^"]+)"([^>]*)>([^<]*)</a>')


def page(user: User, name: str, *args: object) -> str:
    """Return a page as ``user`` gets it."""
    client = Client()
    client.force_login(user)
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def rooms(text: str) -> dict[str, bool]:
    """Return the addresses in the line of rooms, each with whether it is marked as the present one."""
    line = text[text.index('<nav class="steward-rooms"') :].split("</nav>")[0]
    return {address: "aria-current" in rest for address, rest, _label in LINK.findall(line)}


def bar(text: str) -> dict[str, bool]:
    """Return the addresses in the top bar, each with whether it is marked."""
    line = text[text.index('<ul class="nav">') :].split("</ul>")[0]
    return {address: "aria-current" in rest for address, rest, _label in LINK.findall(line)}


@pytest.mark.parametrize("name", ["models", "versions", "deployment_list", "batch_list", "agreement"])
@pytest.mark.parametrize("person", ["charlie", "sandra"])
def test_who_signs_finds_every_room_and_where_they_are(
    name: str, person: str, request: pytest.FixtureRequest
) -> None:
    user = request.getfixturevalue(person)
    text = page(user, name)
    assert [address for address, here in rooms(text).items() if here] == [reverse(name)]
    assert reverse("deployment_list") in rooms(text)
    assert [address for address, here in bar(text).items() if here] == [reverse("models")]


def test_batches_stand_with_the_models_and_beside_the_single_case(
    alice: User, steward: User, claire: Patient
) -> None:
    text = page(alice, "models")
    assert reverse("batch_list") in rooms(text)
    assert reverse("batch_list") not in bar(text)
    assert page(steward, "models").count(f'href="{reverse("batch_list")}"') == 1
    new = reverse("batch_new", args=["haemorrhage"])
    assert f'href="{new}"' in page(alice, "study_new", "haemorrhage", claire.pk)


def test_a_clinician_finds_no_room_that_is_closed_to_them(alice: User, admin: User) -> None:
    for user in (alice, admin):
        client = Client()
        client.force_login(user)
        answers = {client.get(address).status_code for address in rooms(page(user, "models"))}
        assert answers == {200}
    assert reverse("deployment_list") not in rooms(page(alice, "models"))


def test_reference_tasks_are_for_those_who_run_the_models(alice: User, steward: User) -> None:
    assert "Reference tasks" not in page(alice, "models")
    assert "Reference tasks" in page(steward, "models")


def test_who_may_not_have_agreement_counted_reads_who_may(alice: User, steward: User) -> None:
    words = "Reports are asked for by those who sign in the unit"
    assert words in page(alice, "agreement")
    assert words not in page(steward, "agreement")


def test_the_page_of_models_says_to_a_steward_alone_what_waits(alice: User, steward: User) -> None:
    waits = Proposal.objects.create(
        algorithm="haemorrhage",
        number=1,
        version="9.9.1",
        package_sha256="9" * 64,
        serving_version="1.1.0",
        serving_sha256="1" * 64,
        reason="fits our births",
        proposed_by=steward,
        queued_at=timezone.now(),
    )
    address = reverse("proposal", args=["haemorrhage", waits.pk])
    assert address in page(steward, "models")
    assert address not in page(alice, "models")
    Proposal.objects.filter(pk=waits.pk).update(open=False)
    assert address not in page(steward, "models")

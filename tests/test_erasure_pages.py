"""The pages of erasures: nothing unconfirmed, nothing typed is lost, both persons know whose record it is."""

from __future__ import annotations

import hashlib

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import confirm
from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from patients import erasure
from patients.models import Erasure, LegalHold, Patient
from predictions import erasing
from predictions.models import Study
from predictions.states import State
from tests import studies

pytestmark = pytest.mark.django_db


def client_of(user: User, *, confirmed: bool = True) -> Client:
    client = Client()
    client.force_login(user)
    if not confirmed:
        session = client.session
        session[confirm.CONFIRMED] = 0.0
        session.save()
    return client


def sent(**changes: str) -> dict[str, str]:
    return {"ground": "request", "reason": "Asked for by letter", "study": ""} | changes


def test_nobody_asks_holds_or_decides_without_confirming_who_they_are(
    bob: User, admin: User, claire: Patient
) -> None:
    stale = client_of(bob, confirmed=False)
    answer = stale.post(reverse("patient_erasure", args=[claire.pk]), sent())
    assert answer.status_code == 422
    assert "Asked for by letter" in answer.content.decode()
    assert stale.post(reverse("patient_hold", args=[claire.pk]), {"reason": "x"}).status_code == 422
    assert not Erasure.objects.exists()
    assert not LegalHold.objects.exists()
    client_of(bob).post(reverse("patient_erasure", args=[claire.pk]), sent())
    wanted = Erasure.objects.get()
    decided = {"decision": "decline"}
    address = reverse("erasure_decide", args=[wanted.pk])
    assert client_of(admin, confirmed=False).post(address, decided).status_code == 422
    wanted.refresh_from_db()
    assert wanted.state == "requested"
    assert client_of(admin).post(address, decided).status_code == 302
    wanted.refresh_from_db()
    assert (wanted.state, wanted.decided_by) == ("declined", admin)


def test_what_is_wrong_with_a_request_is_said_and_what_was_typed_stays(bob: User, claire: Patient) -> None:
    answer = client_of(bob).post(
        reverse("patient_erasure", args=[claire.pk]), sent(ground="", reason="Kept text")
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert erasure.NO_GROUND.message.en in page
    assert "Kept text" in page


def test_the_second_person_reads_whose_record_goes_and_that_they_looked_is_on_record(
    bob: User, admin: User, claire: Patient
) -> None:
    client_of(bob).post(reverse("patient_erasure", args=[claire.pk]), sent())
    wanted = Erasure.objects.get()
    client = client_of(admin)
    looks = Event.objects.filter(patient=claire.pk, kind=erasure.KIND, action=Action.VIEW, actor=admin)
    for looked, name in enumerate(("erasures", "erasure"), 1):
        page = client.get(reverse(name, args=[] if name == "erasures" else [wanted.pk])).content.decode()
        assert f"{claire} · {claire.record_number}" in page
        assert looks.count() == looked
    log = client.get(reverse("erasure_certificate", args=[wanted.pk])).content.decode()
    assert claire.family_name not in log
    assert claire.record_number not in log
    assert client.get(reverse("erasure_export", args=[wanted.pk])).status_code == 403
    actions = Event.objects.filter(patient=claire.pk, kind=erasure.KIND).values_list("action", flat=True)
    assert {Action.REQUEST, Action.VIEW, Action.REFUSED} <= set(actions)


def test_under_a_legal_hold_nothing_is_offered_that_would_be_refused(
    bob: User, admin: User, claire: Patient
) -> None:
    client_of(bob).post(reverse("patient_erasure", args=[claire.pk]), sent())
    wanted, client = Erasure.objects.get(), client_of(admin)
    approve = 'value="approve"'
    assert approve in client.get(reverse("erasure", args=[wanted.pk])).content.decode()
    claire.holds.create(reason="A complaint", placed_by=bob, placed_at=timezone.now())
    page = client.get(reverse("erasure", args=[wanted.pk])).content.decode()
    assert approve not in page
    assert 'value="decline"' in page
    # Sent all the same, from a page of before: said once.
    answer = client.post(reverse("erasure_decide", args=[wanted.pk]), {"decision": "approve"})
    assert answer.status_code == 422
    assert answer.content.decode().count(erasure.HELD.message.en) == 1


def test_an_export_counts_as_taken_once_its_last_byte_went(bob: User, claire: Patient) -> None:
    client = client_of(bob)
    client.post(reverse("patient_erasure", args=[claire.pk]), sent())
    wanted = Erasure.objects.get()
    erasing.work(wanted.pk)
    address = reverse("erasure_export", args=[wanted.pk])
    assert client.head(address).status_code == 405
    left = client.get(address)
    next(iter(left.streaming_content))
    left._iterator.close()
    wanted.refresh_from_db()
    assert wanted.export_taken_at is None
    whole = client.get(address)
    assert hashlib.sha256(whole.getvalue()).hexdigest() == wanted.sha256
    wanted.refresh_from_db()
    assert wanted.export_taken_by == bob
    taken_out = Event.objects.get(patient=claire.pk, kind=erasure.KIND, action=Action.EXPORT)
    assert taken_out.address == "127.0.0.1"


def test_an_approved_erasure_says_why_it_waits(bob: User, admin: User, claire: Patient) -> None:
    client_of(bob).post(reverse("patient_erasure", args=[claire.pk]), sent())
    Erasure.objects.update(state="approved", decided_by=admin)
    study = studies.ready(bob, claire)
    page = reverse("erasure", args=[Erasure.objects.get().pk])
    words = "It waits for an analysis"
    assert words not in client_of(admin).get(page).content.decode()
    Study.objects.filter(pk=study.pk).update(state=State.RUNNING)
    assert words in client_of(admin).get(page).content.decode()


def test_a_lead_who_is_no_physician_keeps_the_record_too(alice: User, claire: Patient) -> None:
    client = client_of(alice)
    address = reverse("patient_erasure", args=[claire.pk])
    assert client.get(address).status_code == 403
    claire.units.get().leads.add(alice)
    assert client.get(address).status_code == 200
    placed = claire.holds.create(reason="A complaint", placed_by=alice, placed_at=timezone.now())
    assert client.post(reverse("hold_release", args=[placed.pk])).status_code == 302
    placed.refresh_from_db()
    assert placed.released_by == alice

"""Opinions, signatures that cannot be changed, and the versions that follow them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml.contracts import Refused
from patients.models import Patient
from predictions import review
from predictions.models import Prediction, Review, Signature, Study
from predictions.states import NoSuchWay, State
from tests.studies import ready, waiting

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(alice: User, claire: Patient) -> Study:
    """Return a haemorrhage study of Claire that waits for a reader."""
    return ready(alice, claire)


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {problem.code for problem in refused.value.problems}


def signed(study: Study, by: User, **verdict: str) -> Signature:
    review.give(user=by, study=study, **({"verdict": "agree"} | verdict))
    return review.sign(user=by, study=study)


def test_the_midwife_may_say_what_she_thinks_and_not_sign(study: Study, alice: User) -> None:
    given = review.give(user=alice, study=study, verdict="disagree", reason="clinical", comment=" twins ")
    assert (given.reason, given.comment) == ("clinical", "twins")
    with pytest.raises(PermissionDenied):
        review.sign(user=alice, study=study)
    assert Event.objects.filter(action=Action.REFUSED, actor=alice, study=study.pk).exists()


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ({"verdict": "maybe"}, "unknown_verdict"),
        ({"verdict": "disagree"}, "reason_missing"),
        ({"verdict": "cannot_assess", "reason": "other"}, "comment_missing"),
        ({"verdict": "agree", "comment": "x" * 2001}, "comment_too_long"),
    ],
)
def test_a_verdict_needs_its_reason(study: Study, bob: User, verdict: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        review.give(user=bob, study=study, **verdict)
    assert codes(refused) == {code}
    assert not Review.objects.exists()


def test_nothing_can_be_said_of_a_study_without_result(alice: User, bob: User, claire: Patient) -> None:
    with pytest.raises(Refused) as refused:
        review.give(user=bob, study=waiting(alice, claire), verdict="agree")
    assert codes(refused) == {"not_open_for_review"}


def test_a_signature_needs_the_signers_own_verdict(study: Study, alice: User, bob: User) -> None:
    review.give(user=alice, study=study, verdict="agree")
    with pytest.raises(Refused) as refused:
        review.sign(user=bob, study=study)
    assert codes(refused) == {"verdict_missing"}
    study.refresh_from_db()
    assert study.state == State.READY


def test_a_signature_stands_for_what_was_read(study: Study, bob: User) -> None:
    signature = signed(study, bob)
    assert (study.state, signature.version) == (State.SIGNED, 1)
    assert review.content(signature)["result"] == {"risk": 0.04}
    assert review.content_sha256(Signature.objects.get()) == signature.content_sha256
    event = Event.objects.get(action=Action.SIGN)
    assert (event.actor, event.study, event.patient) == (bob, study.pk, study.patient_id)


def test_a_signed_study_is_closed(study: Study, alice: User, bob: User) -> None:
    signed(study, bob)
    with pytest.raises(Refused):
        review.give(user=alice, study=study, verdict="agree")
    with pytest.raises(NoSuchWay):
        review.sign(user=bob, study=study)


def test_who_signs_second_is_told(study: Study, bob: User) -> None:
    review.give(user=bob, study=study, verdict="agree")
    stale = Study.objects.get(pk=study.pk)
    review.sign(user=bob, study=study)
    with pytest.raises(NoSuchWay):
        review.sign(user=bob, study=stale)
    assert Signature.objects.count() == 1


def test_an_amendment_leads_to_the_next_version(study: Study, bob: User) -> None:
    first = signed(study, bob)
    review.amend(user=bob, study=study, reason="wrong side")
    assert study.state == State.READY
    with pytest.raises(Refused) as refused:
        review.sign(user=bob, study=study)
    assert codes(refused) == {"verdict_missing"}
    second = signed(study, bob, verdict="disagree", reason="poor_input")
    assert (second.version, second.amendment_reason) == (2, "wrong side")
    assert first.content_sha256 != second.content_sha256
    assert [s.version for s in study.signatures.all()] == [1, 2]


def test_an_amendment_needs_a_reason_and_a_signer(study: Study, alice: User, bob: User) -> None:
    signed(study, bob)
    with pytest.raises(Refused):
        review.amend(user=bob, study=study, reason="  ")
    with pytest.raises(PermissionDenied):
        review.amend(user=alice, study=study, reason="no")


@pytest.mark.parametrize("model", [Signature, Review, Prediction])
@pytest.mark.parametrize("change", ["update", "delete"])
def test_what_was_signed_cannot_be_changed_in_the_database(
    study: Study, bob: User, model: Any, change: str
) -> None:
    signed(study, bob)
    table = model._meta.db_table
    statement = f"UPDATE {table} SET id = id" if change == "update" else f"DELETE FROM {table}"  # noqa: S608
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert model.objects.count() == 1

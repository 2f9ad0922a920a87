"""Who finds which studies, and how long the wait is."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from clinic.accounts.models import User
from patients import timeline
from patients.models import Patient
from predictions import access, selectors
from predictions.models import Study
from predictions.states import State
from tests.studies import ready, waiting

pytestmark = pytest.mark.django_db


def test_the_worklist_holds_the_unit_s_open_studies_oldest_first(
    alice: User, bob: User, charlie: User, admin: User, claire: Patient
) -> None:
    first, second, signed = (waiting(alice, claire) for _ in range(3))
    Study.objects.filter(pk=signed.pk).update(state=State.SIGNED)
    for colleague in (alice, bob):
        assert list(selectors.worklist(colleague)) == [first, second]
    for stranger in (charlie, admin):
        assert not selectors.worklist(stranger).exists()
        assert not access.for_user(stranger).exists()


def test_the_place_in_the_queue_counts_those_before(alice: User, claire: Patient) -> None:
    running, first, second = (waiting(alice, claire) for _ in range(3))
    Study.objects.filter(pk=running.pk).update(state=State.RUNNING)
    running.refresh_from_db()
    assert [selectors.position(study) for study in (running, first, second)] == [0, 2, 3]


def test_who_may_do_what(alice: User, bob: User, charlie: User, steward: User, claire: Patient) -> None:
    study = ready(alice, claire)
    people = {"alice": alice, "bob": bob, "charlie": charlie, "steward": steward}

    def allowed(rule: Any) -> set[str]:
        return {name for name, user in people.items() if rule(user)}

    assert allowed(lambda user: access.may_submit(user, study.contract)) == {"alice", "bob"}
    assert allowed(lambda user: access.may_review(user, study)) == {"alice", "bob"}
    assert allowed(lambda user: access.may_sign(user, study)) == {"bob"}


def test_a_patient_s_timeline_shows_the_answer_to_those_who_may_see_it(
    alice: User, charlie: User, claire: Patient
) -> None:
    study = ready(alice, claire)
    (entry,) = [entry for entry in timeline.of(alice, claire) if entry.kind == "study"]
    assert entry.detail in ("4 in 100", "4 sur 100")
    assert str(study.pk) in entry.url
    assert not [entry for entry in timeline.of(charlie, claire) if entry.kind == "study"]


def test_the_audit_names_a_study_without_naming_its_patient(alice: User, claire: Patient) -> None:
    study = ready(alice, claire)
    with translation.override("en"):
        name = selectors.names([study.pk])[study.pk]
    assert "haemorrhage" in name
    assert claire.family_name not in name

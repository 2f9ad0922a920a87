"""After a restore what was erased is erased again, by a list that tells nobody what it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from patients import erasure
from patients.models import Erasure, ErasureState, Patient
from predictions import erasing
from predictions.models import Study
from tests import factories, studies
from tests.test_erasure import asked, taken

pytestmark = pytest.mark.django_db


@pytest.fixture
def physician() -> User:
    return factories.staff("bob", Role.PHYSICIAN, factories.unit("radiology"))


@pytest.fixture
def record(physician: User) -> Study:
    return studies.radiograph(
        physician, factories.patient(factories.unit("radiology"), family_name="Lantern")
    )


def erased(by: User, second: User, study: Study, *, only: bool = False) -> Erasure:
    wanted = taken(by, asked(by, study, only=only))
    erasure.approve(user=second, erasure=wanted)
    erasing.work(wanted.pk)
    wanted.refresh_from_db()
    assert wanted.state == ErasureState.DONE
    return wanted


def restored(before: Patient, study: Study | None = None) -> None:
    """Put back what a backup of before the erasure held."""
    Erasure.objects.all().delete()
    before.save(force_insert=True)
    if study is not None:
        study.save(force_insert=True)


def test_what_a_restore_brought_back_goes_again(record: Study, physician: User, admin: User) -> None:
    patient = record.patient
    wanted = erased(physician, admin, record)
    listed = Path(settings.ERASURE_LIST).read_text()
    for telling in (str(patient.pk), str(record.pk), patient.family_name, patient.record_number):
        assert telling not in listed
    restored(patient, record)
    call_command("repeat_erasures", settings.ERASURE_LIST, verbosity=0)
    assert not Patient.objects.filter(pk=patient.pk).exists()
    assert not Study.objects.filter(pk=record.pk).exists()
    again = Erasure.objects.get()
    assert (again.pk, again.state) == (wanted.pk, ErasureState.DONE)
    assert (again.requested_by, again.decided_by) == (physician, admin)
    call_command("repeat_erasures", settings.ERASURE_LIST, verbosity=0)


def test_a_hold_in_the_restored_database_stops_it_and_is_said(
    record: Study, physician: User, admin: User
) -> None:
    patient = record.patient
    erased(physician, admin, record)
    restored(patient)
    erasure.hold(user=admin, patient=patient, reason="A complaint")
    with pytest.raises(CommandError, match="1 of 1"):
        call_command("repeat_erasures", settings.ERASURE_LIST, verbosity=0)
    assert Patient.objects.filter(pk=patient.pk).exists()


def test_one_study_goes_again_and_the_record_stays(record: Study, physician: User, admin: User) -> None:
    erased(physician, admin, record, only=True)
    Erasure.objects.all().delete()
    record.save(force_insert=True)
    kept = studies.ready(physician, record.patient)
    call_command("repeat_erasures", settings.ERASURE_LIST, verbosity=0)
    assert list(Study.objects.all()) == [kept]


def test_a_damaged_list_is_refused_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("{}\n")
    with pytest.raises(CommandError, match="line 1"):
        call_command("repeat_erasures", path, verbosity=0)

"""The wards' births written for training: whole, pseudonymous, on record, and readable by the training."""

from __future__ import annotations

import csv
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage import hospital, mapping
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from patients.models import Encounter, Patient, Research
from predictions import answers, births_csv, outcomes
from predictions.models import BloodLoss, Study
from predictions.states import State
from tests import factories, studies

pytestmark = pytest.mark.django_db


def birth(by: User, mother: Patient, millilitres: int, *assessed: dict[str, Any], days: int = 0) -> Encounter:
    """Make a birth some days ago with its assessments, an hour between them, and its blood loss."""
    came = timezone.now() - timedelta(days=days, hours=len(assessed) + 1)
    stay = factories.encounter(mother, started_at=came - timedelta(minutes=5))
    for hour, changes in enumerate(assessed):
        values = answers.stored(as_of(ADMISSIONS["typical"][1] | changes, came))
        study = studies.analysed(studies.waiting(by, mother, values=values, encounter=stay))
        Study.objects.filter(pk=study.pk).update(submitted_at=came + timedelta(hours=hour))
    loss = {
        "millilitres": millilitres,
        "method": "weighed",
        "measured_at": timezone.now() - timedelta(days=days),
    }
    outcomes.keep(user=by, encounter=stay, values=loss)
    Encounter.objects.filter(pk=stay.pk).update(ended_at=timezone.now())
    return stay


def many_births(by: User, number: int) -> None:
    """Make births of a year, one in ten of them severe, every other a first one."""
    unit = factories.unit()
    came = [timezone.now() - timedelta(days=1 + 365 * n // number) for n in range(number)]
    stays = Encounter.objects.bulk_create(
        Encounter(patient=mother, unit=unit, started_at=at)
        for mother, at in zip(factories.patients(number), came, strict=True)
    )
    typical = ADMISSIONS["typical"][1]
    Study.objects.bulk_create(
        Study(
            algorithm="haemorrhage",
            patient=stay.patient,
            encounter=stay,
            unit=unit,
            submitted_by=by,
            submitted_at=stay.started_at,
            idempotency_key=f"birth-{n}",
            values=answers.stored(
                as_of(typical | {"haemoglobin": 10 + n % 30 / 10, "parity": n % 2}, stay.started_at)
            ),
            state=State.READY,
        )
        for n, stay in enumerate(stays)
    )
    BloodLoss.objects.bulk_create(
        BloodLoss(
            encounter=stay,
            number=1,
            millilitres=1250 if n % 10 == 0 else 200 + n,
            method="weighed",
            measured_at=stay.started_at + timedelta(hours=8),
            recorded_by=by,
            recorded_at=timezone.now(),
        )
        for n, stay in enumerate(stays)
    )


def exported(folder: Path, *options: str, agreed: bool = True) -> list[dict[str, str]]:
    if agreed:
        Patient.objects.update(research=Research.AGREED)
    call_command("export_births", "--out", str(folder / "births.csv"), *options)
    return list(csv.DictReader((folder / "births.csv").open(encoding="utf-8")))


@pytest.mark.parametrize(("which", "haemoglobin"), [("last", "9.4"), ("first", "12.1")])
def test_one_row_a_birth_with_the_assessment_asked_for(
    alice: User, claire: Patient, tmp_path: Path, which: str, haemoglobin: str
) -> None:
    birth(alice, claire, 1250, {}, {"haemoglobin": 9.4})
    [row] = exported(tmp_path, "--assessment", which)
    assert (row["blood_loss_ml"], row["haemoglobin"], row["gestation_weeks"]) == ("1250", haemoglobin, "39+4")
    assert row["previous_pph"] == "none"


def test_what_nobody_answered_stays_blank(alice: User, claire: Patient, tmp_path: Path) -> None:
    birth(alice, claire, 300, {"placenta": None, "fibroids": "unknown", "gestation_weeks": None})
    [row] = exported(tmp_path)
    assert (row["placenta"], row["fibroids"], row["gestation_weeks"]) == ("", "", "")


def test_nobody_is_named_and_sisters_of_one_mother_are_hers(
    alice: User, claire: Patient, tmp_path: Path
) -> None:
    birth(alice, claire, 300, {}, days=400)
    birth(alice, claire, 1250, {})
    birth(alice, factories.patient(given_name="Odile"), 500, {})
    rows = exported(tmp_path)
    mothers = [row["mother"] for row in rows]
    assert mothers[0] == mothers[1] != mothers[2]
    text = "".join(path.read_text("utf-8") for path in tmp_path.iterdir())
    for secret in (claire.family_name, claire.record_number, str(claire.pk), claire.birth_date.isoformat()):
        assert secret not in text
    assert "07:40" not in text
    assert rows[1]["age"] == str(claire.age)


def test_a_corrected_loss_counts_as_corrected(alice: User, claire: Patient, tmp_path: Path) -> None:
    stay = birth(alice, claire, 1250, {})
    right = {"millilitres": 250, "method": "weighed", "measured_at": timezone.now()}
    outcomes.keep(user=alice, encounter=stay, values=right, reason="typing error")
    [row] = exported(tmp_path)
    assert row["blood_loss_ml"] == "250"


def test_births_without_assessment_and_invented_ones_are_left_out(
    alice: User, claire: Patient, tmp_path: Path
) -> None:
    birth(alice, claire, 400)
    birth(alice, factories.patient(invented=True), 400, {})
    with pytest.raises(CommandError, match="No birth"):
        exported(tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(exported(tmp_path, "--invented")) == 1


def test_an_assessment_made_after_the_measurement_is_not_one_of_admission(
    alice: User, claire: Patient, tmp_path: Path
) -> None:
    """It reached the ward before the loss was typed in, but not before the loss was there."""
    stay = birth(alice, claire, 1250, {}, {"haemoglobin": 7.0})
    late = stay.studies.order_by("submitted_at").last()
    Study.objects.filter(pk=late.pk).update(submitted_at=timezone.now() + timedelta(minutes=5))
    [row] = exported(tmp_path)
    assert row["haemoglobin"] == "12.1"


def test_an_assessment_of_the_very_minute_of_the_measurement_counts(
    alice: User, claire: Patient, tmp_path: Path
) -> None:
    """A loss is typed to the minute, an assessment is sent at any second of it."""
    stay = birth(alice, claire, 1250, {})
    loss = outcomes.latest(stay)
    right = {"millilitres": 1250, "method": "weighed", "measured_at": loss.measured_at.replace(second=0)}
    outcomes.keep(user=alice, encounter=stay, values=right, reason="seconds")
    sent = loss.measured_at.replace(second=59)
    stay.studies.update(submitted_at=sent)
    assert len(exported(tmp_path)) == 1


def test_it_says_how_many_births_are_left_out_and_why(
    alice: User, claire: Patient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    birth(alice, claire, 1250, {})
    birth(alice, factories.patient(), 400)
    for stay in (factories.encounter(factories.patient()), None):
        mother = stay.patient if stay else factories.patient()
        values = answers.stored(as_of(ADMISSIONS["typical"][1], timezone.now()))
        studies.analysed(studies.waiting(alice, mother, values=values, encounter=stay))
    exported(tmp_path)
    said = capsys.readouterr().out
    assert said.startswith("1 birth, 1 with 1000 mL or more: ")
    assert said.rstrip().endswith(
        "Left out: 1 birth with a blood loss but no assessment sent before it; 1 birth with an assessment "
        "but no blood loss recorded; 1 assessment without a stay, so without a blood loss."
    )


def test_the_training_reads_it_with_the_mapping_beside_it(
    alice: User, claire: Patient, tmp_path: Path
) -> None:
    many_births(alice, 240)
    exported(tmp_path)
    structure = yaml.safe_load((tmp_path / "mapping.yaml").read_text("utf-8"))
    read = mapping.Mapping.from_mapping(structure)
    header = next(csv.reader((tmp_path / "births.csv").open(encoding="utf-8")))
    assert not mapping.check(header, read)
    births = hospital.read(tmp_path / "births.csv", read)
    assert births.report["births"] == 240
    assert births.report["events"] == 24


def test_it_is_on_record_and_for_the_owner_alone(alice: User, claire: Patient, tmp_path: Path) -> None:
    birth(alice, claire, 1250, {})
    exported(tmp_path)
    events = Event.objects.filter(action=Action.DOWNLOAD, kind="births")
    assert {event.patient for event in events} == {None, claire.pk}
    assert events.get(patient=None).payload.data["births"] == 1
    for name in ("births.csv", "mapping.yaml"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="exists already"):
        exported(tmp_path)


def test_mothers_whom_nobody_asked_and_who_refuse_stay_out(
    alice: User, claire: Patient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    birth(alice, claire, 1250, {})
    birth(alice, factories.patient(research=Research.AGREED), 400, {})
    birth(alice, factories.patient(research=Research.REFUSED), 400, {})
    assert [row["blood_loss_ml"] for row in exported(tmp_path, agreed=False)] == ["400"]
    said = capsys.readouterr().out
    assert "1 birth of mothers whom nobody asked about research; 1 birth of mothers who refuse" in said


def test_a_pseudonym_needs_the_key(claire: Patient, settings: Any) -> None:
    before = births_csv.pseudonym(claire.pk)
    settings.SECRET_KEY = "another key of this test"
    assert births_csv.pseudonym(claire.pk) != before

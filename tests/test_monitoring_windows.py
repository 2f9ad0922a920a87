"""Windows of every day, their reports and alerts: what drifts is caught, what is few or simulated is not."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from django.core.management import call_command

from clinic.accounts.models import Notice, Unit, User
from clinic.audit.models import Action, Event
from ml.contracts import Refused
from ml.monitoring.hysteresis import Level
from patients.models import Patient
from predictions import jobs
from predictions.models import JobState, Study
from predictions.monitoring import selectors, services, signed, windows
from predictions.monitoring.days import Days, today
from predictions.monitoring.models import Against, Alert, Reference, Report
from predictions.states import State
from tests import drifting, factories
from tests.drifting import look, sign

CHEST = "chest_xray"
SINCE = 40
"""Days ago on which the reference begins: twelve days of 25 studies, then four days a window."""
FIRST_WINDOW = SINCE - 12


@pytest.fixture
def child(radiology: Unit) -> Patient:
    return factories.patient(radiology, family_name="Lighthouse")


@pytest.fixture
def write(charlie: User, child: Patient, radiology: Unit) -> partial:
    return partial(drifting.write, charlie, child, radiology)


@pytest.fixture
def before(write: partial) -> None:
    """Three hundred studies that become the reference by themselves."""
    write(drifting.radiograph, n=300, since=SINCE, seed=1)


def raised(report: Report) -> set[str]:
    return {key for key, level in report.content["signals"].items() if level == Level.RAISED}


def test_what_does_not_drift_alarms_nobody(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    write(drifting.radiograph, n=300, since=FIRST_WINDOW, seed=2)
    found = look(radiology)
    assert [report.state for report in found] == [JobState.DONE] * 3
    assert [report.content["n"] for report in found] == [100] * 3
    assert [(b.first_day - a.last_day).days for a, b in pairwise(found)] == [1, 1]
    assert not Alert.objects.exists()
    assert not Notice.objects.exists()
    reference = Reference.objects.get()
    assert reference.chosen_by is None
    assert (reference.reference_last - reference.reference_first).days == 11


def test_another_device_and_older_children_are_caught_within_two_windows(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    other = partial(drifting.radiograph, maker="philips", brighter=12)
    write(other, n=200, since=FIRST_WINDOW, seed=3, age=4.5)
    first, second = look(radiology)
    assert {"drift:maker", "drift:age", "drift:brightness"} <= raised(first)
    assert set(Alert.objects.values_list("opened_by_id", flat=True)) == {second.pk}
    opened = set(Alert.objects.values_list("key", flat=True))
    assert {"drift:maker", "drift:age", "drift:brightness"} <= opened
    maker = next(one for one in second.content["fields"] if one["name"] == "maker")
    assert [part["window"] for part in maker["shown"] if part["label"]["en"] == "philips"] == [1.0]
    told = Notice.objects.get(recipient=steward)
    assert told.link == f"/monitoring/reports/{second.pk}/"
    days = f"window of {second.first_day.isoformat()} to {second.last_day.isoformat()}"
    assert days in told.text["en"]
    assert f"fenêtre du {second.first_day:%d/%m/%Y} au {second.last_day:%d/%m/%Y}" in told.text["fr"]
    assert "Age by the header: higher values than in the reference" in told.text["en"]
    assert "more “philips” than in the reference" in told.text["en"]
    assert "Maker of the device" in told.text["en"]
    assert "Fabricant de l’appareil" in told.text["fr"]
    assert Event.objects.filter(kind="alert", action=Action.UPDATE).count() == len(opened)


def test_a_change_of_how_many_are_sick_shows_in_the_answers_and_not_in_the_input(
    write: partial, before: None, radiology: Unit
) -> None:
    write(partial(drifting.radiograph, sick=0.85), n=200, since=FIRST_WINDOW, seed=4)
    first, second = look(radiology)
    assert "drift:probability" in raised(first)
    assert {"drift:probability", "drift:label"} <= set(Alert.objects.values_list("key", flat=True))
    assert not {"drift:age", "drift:maker"} & (raised(first) | raised(second))


def test_an_alert_closes_after_two_quiet_windows_and_is_acknowledged_once(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    write(partial(drifting.radiograph, maker="philips"), n=200, since=FIRST_WINDOW, seed=5)
    write(drifting.radiograph, n=200, since=FIRST_WINDOW - 8, seed=6)
    found = look(radiology)
    alert = Alert.objects.get(key="drift:maker")
    assert (alert.opened_by, alert.closed_by) == (found[1], found[3])
    assert any("over. What was said" in notice.text["en"] for notice in Notice.objects.all())
    with pytest.raises(Refused):
        services.acknowledge(user=steward, alert=alert, comment=" ")
    assert services.acknowledge(user=steward, alert=alert, comment="New device in room 2")
    assert not services.acknowledge(user=steward, alert=alert, comment="Again")
    alert.refresh_from_db()
    assert alert.comment == "New device in room 2"


def test_another_rule_between_image_and_disease_shows_in_signed_outcomes_alone(
    write: partial, before: None, radiology: Unit, charlie: User
) -> None:
    """Concept drift: the images are the same, half of those the model holds to be sick no longer are."""
    answers = write(drifting.radiograph, n=200, since=FIRST_WINDOW, seed=7)
    rng = np.random.default_rng(8)
    for answer in answers:
        flagged, p = answer.result["label"] == "PNEUMONIA", answer.result["probability"]
        sick = rng.random() < p * 0.4
        sign(answer, charlie, "agree" if sick is flagged else "disagree")
    first, second = look(radiology)
    assert first.content["calibration"]["level"] == Level.RAISED
    assert first.content["calibration"]["shift"]["high"] < 0
    assert second.content["performance"]["level"] == Level.QUIET
    assert set(Alert.objects.values_list("key", flat=True)) == {"calibration"}


def test_who_cannot_assess_says_nothing_of_calibration(
    write: partial, before: None, radiology: Unit, charlie: User
) -> None:
    for answer in write(drifting.radiograph, n=100, since=FIRST_WINDOW, seed=9):
        sign(answer, charlie, "cannot_assess")
    assert look(radiology)[0].content["calibration"] is None


def test_refused_studies_count_and_failed_and_simulated_ones_do_not(
    write: partial, before: None, radiology: Unit
) -> None:
    write(drifting.radiograph, n=100, since=FIRST_WINDOW, seed=10, a_day=130)
    write(drifting.radiograph, n=20, since=FIRST_WINDOW, a_day=130, refused="adult")
    write(drifting.radiograph, n=5, since=FIRST_WINDOW, a_day=130, state=State.FAILED)
    write(lambda _: {"simulated": True}, n=5, since=FIRST_WINDOW, a_day=130)
    content = look(radiology)[0].content
    assert content["n"] == 120
    outcome = next(one for one in content["fields"] if one["name"] == "outcome")
    assert outcome["level"] == Level.RAISED
    assert "drift:outcome" in content["signals"]


def test_answers_of_another_version_are_not_compared_and_its_alerts_begin_anew(
    write: partial, before: None, radiology: Unit
) -> None:
    write(partial(drifting.radiograph, sick=0.85), n=200, since=FIRST_WINDOW, seed=11)
    write(drifting.radiograph, n=100, since=FIRST_WINDOW - 8, seed=12, package_sha256="8" * 64)
    *_, last = look(radiology)
    probability = next(one for one in last.content["fields"] if one["name"] == "probability")
    assert not last.content["same_version"]
    assert probability["level"] == Level.UNKNOWN
    assert Alert.objects.get(key="drift:probability").closed_by == last
    age = next(one for one in last.content["fields"] if one["name"] == "age")
    assert age["level"] == Level.QUIET


def test_a_window_that_failed_is_told_and_done_again_before_the_next(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    write(lambda _: {"scored": "nonsense", "images": "none"}, n=100, since=FIRST_WINDOW, seed=22)
    row = windows.begin(CHEST, radiology)
    jobs.work("monitoring", row.pk)
    row.refresh_from_db()
    assert row.state == JobState.FAILED
    assert "could not be written" in Notice.objects.get(recipient=steward).text["en"]
    # Neither the next window nor this one again before tomorrow.
    assert windows.begin(CHEST, radiology) is None
    Report.objects.update(finished_at=drifting.noon(today() - timedelta(days=2)))
    assert windows.begin(CHEST, radiology) == row
    row.refresh_from_db()
    assert row.state == JobState.QUEUED


def test_too_few_studies_are_not_reported(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    write(drifting.radiograph, n=29, since=14, seed=13, a_day=29)
    assert windows.begin(CHEST, radiology) is None
    week = services.weeks_of(*[(today() - timedelta(days=14)).isoformat()] * 2)
    reference = Days(today() - timedelta(days=SINCE), today() - timedelta(days=FIRST_WINDOW))
    row = services.ask(
        user=steward, algorithm=CHEST, unit=radiology, window=week, against="live", reference=reference
    )
    jobs.work("monitoring", row.pk)
    row.refresh_from_db()
    assert row.state == JobState.REFUSED
    assert "30" in row.problem_list[0].message.en
    assert row.content is None


def test_a_window_asked_for_alarms_nobody_and_names_whole_weeks(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    write(partial(drifting.radiograph, maker="philips"), n=200, since=21, a_day=10, seed=14)
    days = services.weeks_of(
        (today() - timedelta(days=15)).isoformat(), (today() - timedelta(days=9)).isoformat()
    )
    assert (days.first.weekday(), days.last.weekday()) == (0, 6)
    reference = Days(today() - timedelta(days=SINCE), today() - timedelta(days=29))
    row = services.ask(
        user=steward, algorithm=CHEST, unit=radiology, window=days, against="live", reference=reference
    )
    jobs.work("monitoring", row.pk)
    row.refresh_from_db()
    assert "drift:maker" in raised(row)
    assert not Alert.objects.exists()
    assert not row.states
    assert Event.objects.filter(kind="monitoring", action=Action.REQUEST, actor=steward).exists()
    with pytest.raises(Refused) as refusal:
        services.ask(
            user=steward, algorithm=CHEST, unit=radiology, window=days, against="live", reference=days
        )
    assert refusal.value.problems[0].code == "days_overlap"


def test_a_new_reference_ends_the_alerts_of_the_old_one(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    write(partial(drifting.radiograph, maker="philips"), n=200, since=FIRST_WINDOW, seed=15)
    look(radiology)
    assert Alert.objects.filter(closed_at=None).exists()
    days = Days(today() - timedelta(days=FIRST_WINDOW), today() - timedelta(days=FIRST_WINDOW - 7))
    services.choose(user=steward, algorithm=CHEST, unit=radiology, against="live", reference=days)
    write(partial(drifting.radiograph, maker="philips"), n=100, since=FIRST_WINDOW - 8, seed=16)
    (report,) = look(radiology)
    assert report.reference_first == days.first
    assert not Alert.objects.filter(closed_at=None).exists()


def test_a_window_of_few_studies_ends_after_four_weeks(write: partial, radiology: Unit) -> None:
    write(drifting.radiograph, n=300, since=100, a_day=60, seed=17)
    write(drifting.radiograph, n=45, since=95, a_day=1, seed=18)
    (report, *_) = look(radiology)
    assert report.days == 30
    assert report.content["n"] == 30


def test_metrics_read_the_latest_window(write: partial, before: None, radiology: Unit) -> None:
    assert selectors.latest() == []
    write(partial(drifting.radiograph, maker="philips"), n=100, since=FIRST_WINDOW, seed=19)
    look(radiology)
    found = {(one.field, one.measure): one.value for one in selectors.latest()}
    assert found["studies", "n"] == 100
    assert found["maker", "psi_excess"] > 1
    assert 0.5 < found["performance", "roc_auc"] < 1
    assert {(one.algorithm, one.unit) for one in selectors.latest()} == {(CHEST, "radiology")}


def test_a_report_names_nobody(write: partial, before: None, radiology: Unit, child: Patient) -> None:
    write(drifting.radiograph, n=100, since=FIRST_WINDOW, seed=20)
    (report,) = look(radiology)
    said = json.dumps(report.content)
    assert not [str(study) for study in Study.objects.values_list("pk", flat=True) if str(study) in said]
    assert child.family_name not in said
    assert child.record_number not in said


def test_the_command_writes_windows_and_reports(
    write: partial, before: None, radiology: Unit, steward: User, capsys: pytest.CaptureFixture[str]
) -> None:
    write(partial(drifting.radiograph, maker="philips"), n=100, since=FIRST_WINDOW, seed=21)
    call_command("monitor", "--due")
    assert Report.objects.get().state == JobState.DONE
    out = capsys.readouterr().out
    assert "maker" in out
    call_command("monitor", CHEST, "--unit", "radiology", "--json")
    assert json.loads(capsys.readouterr().out)["content"]["n"] == 100


def test_births_are_paired_with_the_last_assessment_before_them(
    alice: User, maternity: Unit, claire: Patient
) -> None:
    encounter = factories.encounter(claire)
    for days, risk in ((3, 0.1), (1, 0.3), (2, 0.2)):
        answer = {"risk": risk, "flagged": True}
        (made,) = drifting.write(
            alice, claire, maternity, lambda _, said=answer: said, n=1, since=days, algorithm="haemorrhage",
            encounter=encounter, each=0,
        )  # fmt: skip
    at = drifting.noon(today())
    for number, millilitres in ((1, 400), (2, 1200)):
        encounter.blood_losses.create(
            number=number, millilitres=millilitres, method="weighed", measured_at=at, recorded_by=alice,
            recorded_at=at - timedelta(days=1),
        )  # fmt: skip
    pinned = made.package_sha256
    days = Days(today() - timedelta(days=1), today())
    found = signed.outcomes("haemorrhage", maternity, days, pinned)
    assert (list(found.expected), list(found.observed)) == ([0.3], [1.0])
    assert not signed.outcomes("haemorrhage", maternity, days, "0" * 64).expected


def test_against_is_one_of_two() -> None:
    assert set(Against.values) == {"live", "training"}

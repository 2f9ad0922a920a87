"""Which windows there are, and whom they count: by the data alone, people and not studies, outcomes once."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import partial

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from clinic.accounts.models import Unit, User
from ml.contracts import Refused
from ml.monitoring import baselines
from patients.models import Patient
from predictions import jobs
from predictions.models import JobState
from predictions.monitoring import services, windows
from predictions.monitoring.days import Days, today
from predictions.monitoring.models import Against, Alert, Reference, Report
from tests import drifting, factories
from tests.drifting import look, sign

CHEST = "chest_xray"
SINCE = 40
FIRST_WINDOW = SINCE - 12
UNIT_PAGE = "/monitoring/chest_xray/radiology/"


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


def _windows(by_day: dict[date, int], looks: list[date], first: date) -> list[tuple[date, date]]:
    """Return the windows that somebody finds who looks on these days."""
    found, since = [], first
    for yesterday in looks:
        over = {day: n for day, n in by_day.items() if since <= day <= yesterday}
        while last := windows.last_day(since, over, yesterday=yesterday):
            found.append((since, last))
            since = last + timedelta(days=1)
            over = {day: n for day, n in over.items() if day >= since}
    return found


@pytest.mark.parametrize("a_day", [0.4, 1, 2, 3.3, 5, 40])
def test_who_looks_late_finds_the_windows_of_who_looks_every_day(a_day: float) -> None:
    rng, first = np.random.default_rng(5), date(2026, 1, 1)
    days = [first + timedelta(days=at) for at in range(200)]
    by_day = Counter({day: int(n) for day, n in zip(days, rng.poisson(a_day, 200), strict=True) if n})
    every_day = _windows(by_day, days, first)
    assert len(every_day) >= 2
    assert _windows(by_day, days[-1:], first) == every_day
    assert _windows(by_day, [days[70], days[-1]], first) == every_day
    assert all((last - since).days >= 27 or a_day > 3 for since, last in every_day)


def test_people_are_counted_and_not_their_studies(
    write: partial, before: None, radiology: Unit, steward: User
) -> None:
    """Four children with twenty-five X-rays each fill no window, nor a report that somebody asked for."""
    write(drifting.radiograph, n=100, since=FIRST_WINDOW, seed=2, each=25)
    assert windows.begin(CHEST, radiology) is None
    assert windows.progress(CHEST, radiology).patients == 4
    days = Days(today() - timedelta(days=FIRST_WINDOW), today() - timedelta(days=FIRST_WINDOW - 6))
    reference = Days(today() - timedelta(days=SINCE), today() - timedelta(days=FIRST_WINDOW + 1))
    asked = {"user": steward, "algorithm": CHEST, "unit": radiology}
    row = services.ask(window=days, against="live", reference=reference, **asked)
    jobs.work("monitoring", row.pk)
    row.refresh_from_db()
    assert row.state == JobState.REFUSED
    assert "fewer than 30 patients" in row.problem_list[0].message.en
    with pytest.raises(Refused, match="too_few_studies"):
        services.choose(against="live", reference=days, **asked)


def test_of_each_patient_the_first_study_counts(
    write: partial, before: None, radiology: Unit, steward: User, client: Client
) -> None:
    write(drifting.radiograph, n=200, since=FIRST_WINDOW, seed=3, each=2, a_day=60)
    (report,) = look(radiology)
    assert (report.content["n"], report.content["studies"]) == (100, 200)
    assert {field["n"] for field in report.content["fields"]} == {100}
    assert report.content["performance"]["n"] == 100
    # What is no longer given has its own index and p on the page, and a share held back is not nought.
    row = next(one for one in report.content["fields"] if one["name"] == "age")
    row |= {"missing_level": "raised", "missing_more": True, "missing_share": None}
    row |= {"missing_psi_excess": 1.02, "missing_p_adjusted": 0.0001}
    report.save()
    client.force_login(steward)
    page = client.get(f"/monitoring/reports/{report.pk}/", headers={"Accept-Language": "en"}).content.decode()
    assert "100 patients held against 300, each by the first study" in page
    assert "The window holds 200 studies in all" in page
    shown = page.split("Age by the header")[1].split("</tr>")[0]
    for words in ("not given more often", "held back", "index 1.02", "&lt;&nbsp;0.001"):
        assert words in shown


def test_an_outcome_counts_in_one_window_and_an_alert_recovers_in_two(
    write: partial, before: None, radiology: Unit, charlie: User
) -> None:
    """Two windows of wrong outcomes, then two of right ones: none of the wrong ones is left in those."""
    for window, right in enumerate((False, False, True, True)):
        answers = write(drifting.radiograph, n=100, since=FIRST_WINDOW - 4 * window, seed=40 + window)
        rng = np.random.default_rng(50 + window)
        for answer in answers:
            p, flagged = answer.result["probability"], answer.result["label"] == "PNEUMONIA"
            sick = rng.random() < (p if right else 0.3 * p)
            sign(answer, charlie, "agree" if sick is flagged else "disagree")
    found = look(radiology)
    assert [report.content["calibration"]["n"] for report in found] == [100] * 4
    assert [report.content["calibration"]["level"] for report in found[:2]] == ["raised"] * 2
    alert = Alert.objects.get(key="calibration")
    assert (alert.opened_by, alert.closed_by) == (found[1], found[3])
    assert found[1].content["outcomes_since"] == found[1].first_day.isoformat()


def test_outcomes_add_up_until_there_are_enough(
    write: partial, before: None, radiology: Unit, charlie: User
) -> None:
    for window in range(3):
        answers = write(drifting.radiograph, n=100, since=FIRST_WINDOW - 4 * window, seed=60 + window)
        for answer in answers[:20]:
            sign(answer, charlie, "agree")
    told = [report.content["calibration"] for report in look(radiology)]
    assert [one and one["n"] for one in told] == [None, 40, None]


def test_days_long_past_and_an_unknown_reference_are_refused_in_words(
    write: partial, before: None, radiology: Unit, steward: User, client: Client
) -> None:
    client.force_login(steward)
    windows.current(CHEST, radiology)
    old = {"reference_first": "0001-01-01", "reference_last": "0001-01-20"}
    for address, sent, said in (
        (f"{UNIT_PAGE}reference/", {"against": "live", **old}, "before 2000"),
        (UNIT_PAGE, {"against": "live", "first": "0001-01-01", "last": "0001-01-20", **old}, "before 2000"),
        (f"{UNIT_PAGE}reference/", {"against": "nonsense", **old}, "Choose what the window is held against"),
        (UNIT_PAGE, {"against": "nonsense"}, "Choose what the window is held against"),
    ):
        answer = client.post(address, sent, headers={"Accept-Language": "en"})
        assert answer.status_code == 422
        assert said in answer.content.decode()
    assert Reference.objects.get().chosen_by is None


def test_a_damaged_baseline_is_said_and_the_rest_goes_on(
    write: partial,
    before: None,
    radiology: Unit,
    steward: User,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def damaged(package: object) -> None:
        raise baselines.DamagedBaseline("half a file")

    monkeypatch.setattr(baselines, "read", damaged)
    write(drifting.radiograph, n=100, since=FIRST_WINDOW, seed=4)
    look(radiology)
    client.force_login(steward)
    page = client.get(UNIT_PAGE, headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "The baseline of the training is damaged" in page.content.decode()
    with pytest.raises(Refused, match="baseline_damaged"):
        services.choose(user=steward, algorithm=CHEST, unit=radiology, against="training", reference=None)


def test_administrators_look_and_decide_nothing(
    write: partial, before: None, radiology: Unit, admin: User, client: Client
) -> None:
    write(partial(drifting.radiograph, maker="philips"), n=200, since=FIRST_WINDOW, seed=5)
    *_, last = look(radiology)
    client.force_login(admin)
    for address in ("/monitoring/", UNIT_PAGE, f"/monitoring/reports/{last.pk}/"):
        page = client.get(address)
        assert page.status_code == 200
        main = page.content.decode().split("<main")[1].split("</main>")[0]
        assert "<form" not in main
    for address in (UNIT_PAGE, f"{UNIT_PAGE}reference/"):
        assert client.post(address, {"against": Against.LIVE}).status_code == 403
    assert client.post(f"/monitoring/alerts/{Alert.objects.first().pk}/acknowledge/").status_code == 403


def test_the_command_says_which_window_was_refused_and_wants_something_to_do(
    write: partial, before: None, radiology: Unit, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="--due"):
        call_command("monitor")
    write(partial(drifting.radiograph, maker="philips"), n=200, since=FIRST_WINDOW, seed=6)
    first, second = look(radiology)
    Report.objects.filter(pk=second.pk).update(
        state=JobState.REFUSED,
        content=None,
        problems=[{"code": "no_baseline", "message": {"en": "x", "fr": "y"}}],
    )
    call_command("monitor", CHEST, "--unit", "radiology")
    said = capsys.readouterr().out
    assert said.index(f"{second.first_day} to {second.last_day}: refused") < said.index(f"{first.first_day}")
    assert "maker: Maker of the device: more “philips”" in said

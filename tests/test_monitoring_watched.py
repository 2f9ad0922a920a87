"""A watch that stopped is said; what the pages and the command say of windows, in both languages."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from clinic.accounts.models import Notice, Unit, User
from ml import drawing
from ml.contracts import Refused
from ml.drawing.canvas import text_width
from ml.drawing.monitoring import LABEL_END, WIDER, Part, Point
from ml.monitoring import baselines
from patients.models import Patient
from predictions import jobs
from predictions.models import JobState
from predictions.monitoring import page, selectors, services, windows
from predictions.monitoring.days import Days, today
from predictions.monitoring.models import Alert, Reference, Report
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


def test_a_reference_that_nothing_can_be_held_against_is_not_taken(
    write: partial,
    before: None,
    radiology: Unit,
    steward: User,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(baselines, "ROOT", tmp_path)
    windows.current(CHEST, radiology)
    quiet = Days(today() - timedelta(days=100), today() - timedelta(days=94))
    for against, code in (("live", "too_few_studies"), ("training", "no_baseline")):
        with pytest.raises(Refused) as refusal:
            services.choose(user=steward, algorithm=CHEST, unit=radiology, against=against, reference=quiet)
        assert [problem.code for problem in refusal.value.problems] == [code]
    assert Reference.objects.get().chosen_by is None


def test_a_refused_window_is_told_shown_and_taken_up_by_a_new_reference(
    write: partial, before: None, radiology: Unit, steward: User, client: Client
) -> None:
    moved = partial(drifting.radiograph, maker="philips")
    write(moved, n=200, since=FIRST_WINDOW, seed=15)
    look(radiology)
    assert Alert.objects.filter(closed_at=None).exists()
    Notice.objects.all().delete()
    # A reference whose studies were erased since it was chosen.
    Reference.objects.create(
        algorithm=CHEST, unit=radiology, against="live", chosen_at=timezone.now(),
        reference_first=today() - timedelta(days=99), reference_last=today() - timedelta(days=93),
    )  # fmt: skip
    write(moved, n=100, since=FIRST_WINDOW - 8, seed=16)
    row = windows.begin(CHEST, radiology)
    jobs.work("monitoring", row.pk)
    assert windows.stopped(CHEST, radiology) == row
    told = Notice.objects.get(recipient=steward)
    assert "could not be compared" in told.text["en"]
    assert "n’a pas pu être comparée" in told.text["fr"]
    found = {(one.field, one.measure): one.value for one in selectors.latest()}
    assert found["windows", "lost"]
    assert found["windows", "age_days"] == FIRST_WINDOW - 7
    assert ("maker", "psi") not in found
    client.force_login(steward)
    for address in ("/monitoring/", "/monitoring/chest_xray/radiology/"):
        assert "nothing is watched" in client.get(address).content.decode()
    days = Days(today() - timedelta(days=SINCE), today() - timedelta(days=FIRST_WINDOW + 1))
    services.choose(user=steward, algorithm=CHEST, unit=radiology, against="live", reference=days)
    assert not Alert.objects.filter(closed_at=None).exists()
    assert "another reference was chosen" in client.get("/monitoring/chest_xray/radiology/").content.decode()
    (again,) = look(radiology)
    assert (again.first_day, again.last_day) == (row.first_day, row.last_day)
    assert not again.states["drift:maker"]["open"]
    found = {(one.field, one.measure): one.value for one in selectors.latest()}
    assert not found["windows", "lost"]
    assert found["maker", "psi_excess"] > 1


def test_days_that_no_window_told_of_are_listed_with_what_becomes_of_them(
    write: partial, before: None, radiology: Unit, steward: User, client: Client
) -> None:
    client.force_login(steward)

    def said() -> str:
        page = client.get("/monitoring/chest_xray/radiology/").content.decode()
        return (
            page.split("Days that are not watched")[1].split("</section>")[0] if "not watched" in page else ""
        )

    assert not said()
    # The first four days have a window that fails, then one that is refused; two later ones are well.
    write(drifting.radiograph, n=300, since=FIRST_WINDOW, seed=31)
    row = windows.begin(CHEST, radiology)
    Report.objects.filter(pk=row.pk).update(state=JobState.FAILED, finished_at=timezone.now())
    assert "Tried again once a day" in said()
    Report.objects.filter(pk=row.pk).update(state=JobState.REFUSED)
    assert "once another reference is chosen" in said()
    assert [report.state for report in look(radiology)] == [JobState.DONE] * 2
    assert windows.stopped(CHEST, radiology) is None
    assert "No window will go back to them" in said()
    assert "days not watched" in client.get("/monitoring/").content.decode()
    Report.objects.filter(state=JobState.DONE).delete()
    days = Days(today() - timedelta(days=SINCE), today() - timedelta(days=FIRST_WINDOW + 1))
    services.choose(user=steward, algorithm=CHEST, unit=radiology, against="live", reference=days)
    assert "The next window holds them" in said()
    look(radiology)
    assert not said()


def test_the_command_takes_the_days_that_the_page_takes(
    write: partial, before: None, radiology: Unit, capsys: pytest.CaptureFixture[str]
) -> None:
    write(drifting.radiograph, n=300, since=FIRST_WINDOW, seed=23)
    back = {days: (today() - timedelta(days=days)).isoformat() for days in (0, 20, 21, 34, SINCE)}
    reference = ("--reference-first", back[SINCE], "--reference-last", back[34])
    for words, said in (
        (("--last", back[21]), "--first"),
        (("--first", back[20], "--last", back[21], *reference), "the first not after the last"),
        (("--first", back[21], "--last", back[0], *reference), "not over yet"),
        (("--first", back[SINCE], "--last", back[34], *reference), "share days"),
    ):
        with pytest.raises(CommandError, match=said):
            call_command("monitor", CHEST, "--unit", "radiology", *words)
    words = ("--first", back[21], "--last", back[21], "--json")
    call_command("monitor", CHEST, "--unit", "radiology", *words, *reference)
    asked = json.loads(capsys.readouterr().out)
    week = services.weeks_of(back[21], back[21])
    assert (asked["first"], asked["last"]) == (week.first.isoformat(), week.last.isoformat())


def test_what_stands_out_besides_fields_and_what_nobody_compared(
    write: partial, before: None, radiology: Unit, charlie: User, steward: User, client: Client
) -> None:
    answers = write(drifting.radiograph, n=200, since=FIRST_WINDOW, seed=7)
    for answer in answers:
        sign(answer, charlie, "agree" if answer.result["label"] == "NORMAL" else "disagree")
    *_, last = look(radiology)
    row = last.content["fields"][0]
    for field in last.content["fields"]:
        field.update(level="quiet", missing_level="quiet")
    row.update(level="unknown", missing_level="quiet")
    last.save()
    assert page.moved(last) == ["Calibration"]
    assert page.fields(last)[-1].row == row
    assert page.fields(last)[-1].level == "unknown"
    client.force_login(steward)
    said = client.get("/monitoring/chest_xray/radiology/").content.decode()
    assert "moved</span> Calibration" in said
    assert last.last_day.isoformat() in said.split("chart-history-moved")[2]
    alert = Alert.objects.get(key="calibration")
    services.acknowledge(user=steward, alert=alert, comment="Known")
    assert "1 acknowledged" in client.get("/monitoring/").content.decode()
    assert "1 new" not in client.get("/monitoring/").content.decode()
    found = {(one.field, one.measure): one.value for one in selectors.latest()}
    assert (found["alerts", "open"], found["alerts", "new"]) == (1, 0)


def test_a_window_without_the_figure_keeps_its_place() -> None:
    point = Point(0.8, 0.7, 0.9)
    days = [f"2026-0{month}-01" for month in range(1, 6)]
    svg = drawing.history("auc", "AUC", "said", [point, point, None, point, point], days, "en")
    assert svg.count('class="chart-model"') == 2
    assert [day for day in days if day in svg] == ["2026-01-01", "2026-03-01", "2026-05-01"]


def test_bars_are_told_apart_without_colour_and_labels_are_whole() -> None:
    parts = [
        Part("Césarienne programmée", 0.4, 0.6),
        Part("Une étiquette bien trop longue pour sa place", 0.6, None),
    ]
    svg = drawing.spread("onset", "Début", "dit", parts, "fr", unit="SA")
    assert svg.count('<rect class="chart-axis"') == 3
    assert 'fill="none"' in svg.split('<rect class="chart-axis"')[1].split("/>")[0]
    assert svg.count('<rect class="chart-event"') == 2
    assert ">Césarienne programmée<" in svg
    assert "Une étiquette bien tr" in svg
    assert "…<" in svg
    assert "(SA)" in svg
    # Each label ends where the bars begin, and nothing begins left of the drawing.
    labels = re.findall(r'text-anchor="end"[^>]*>([^<]*)</text>', svg)
    assert len(labels) == 2
    assert all(text_width(label) * WIDER <= LABEL_END - 8 for label in labels)


def test_the_pages_read_as_french(
    write: partial, before: None, radiology: Unit, steward: User, client: Client
) -> None:
    write(drifting.radiograph, n=97, since=FIRST_WINDOW, seed=24)
    write(partial(drifting.radiograph, maker="philips"), n=3, since=FIRST_WINDOW, seed=25)
    (report,) = look(radiology)
    steward.language = "fr"
    steward.save()
    client.force_login(steward)
    unit = client.get("/monitoring/chest_xray/radiology/").content.decode()
    said = client.get(f"/monitoring/reports/{report.pk}/").content.decode()
    assert "0 patient sur 100 depuis" in unit
    assert ">Fenêtre<" in said
    assert "comparée avec des études de l’unité" in said
    assert '<span class="quiet small">ans</span>' in said
    assert "Fenêtrage" not in unit + said
    assert "non affiché" in said
    assert "(&lt; 5)" not in said

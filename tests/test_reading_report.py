"""The report a radiologist writes: saved as typed, never over a colleague's, signed with the result."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml.contracts import Refused, Text
from patients.models import Patient
from predictions import first_read, reading, review, selectors
from predictions.models import Prediction, ReadingReport, Signature, Study
from predictions.workspaces.chest_xray.priors import priors
from tests import factories, studies

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def dora() -> User:
    """Return a physician of the radiology unit, who reads and does not sign."""
    return factories.staff("dora", Role.PHYSICIAN, factories.unit("radiology"), password=factories.PASSWORD)


@pytest.fixture
def study(charlie: User, henri: Patient) -> Study:
    """Return an analysed X-ray that Charlie has not read yet."""
    return studies.radiograph(charlie, henri)


@pytest.fixture
def read(study: Study, charlie: User) -> Study:
    """Return the same after Charlie saw it as normal."""
    first_read.commit(user=charlie, study=study, impression="normal", confidence="sure")
    return study


def write(user: User, study: Study, language: str = "en", **values: str) -> ReadingReport | None:
    return reading.save(user=user, study=study, values=values, language=language)


def typed(study: Study, **values: str) -> dict[str, str]:
    """Return what the page sends: every part, the language, and what it was typed over."""
    fields = {f"reading-{field.name}": "" for field in study.contract.reading}
    sent = {f"reading-{name}": text for name, text in values.items()}
    return fields | {"report_language": "en", "seen": "0", "known": ""} | sent


def signing(study: Study, **values: str) -> dict[str, Any]:
    return typed(study, **values) | {"verdict": "agree", "prediction": study.prediction.pk}


def shown(page: str, name: str) -> str:
    """Return the text that stands in a part of the report."""
    return re.search(rf'<textarea id="reading-{name}"[^>]*>([^<]*)</textarea>', page)[1]


def test_each_save_while_typing_is_kept(client: Client, charlie: User, study: Study) -> None:
    client.force_login(charlie)
    door = reverse("study_reading", args=[study.pk])
    line = client.post(door, typed(study, lungs="Opacity"), headers=HTMX).content.decode()
    assert "saved, " in line
    assert 'name="seen" value="1"' in line
    client.post(door, typed(study, lungs="Opacity on the right") | {"seen": "1"}, headers=HTMX)
    client.post(door, typed(study, lungs="Opacity on the right") | {"seen": "2"}, headers=HTMX)
    kept = [report.fields["lungs"] for report in study.reading_reports.all()]
    assert kept == ["Opacity", "Opacity on the right"]
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert shown(page, "lungs") == "Opacity on the right"


def test_another_window_is_noticed_and_nothing_of_either_is_lost(
    client: Client, charlie: User, study: Study
) -> None:
    client.force_login(charlie)
    door = reverse("study_reading", args=[study.pk])
    client.post(door, typed(study, lungs="First window"), headers=HTMX)
    stale = typed(study, lungs="Second window")
    line = client.post(door, stale, headers=HTMX).content.decode()
    assert "in another window" in line
    assert reading.current(study)["lungs"] == "First window"
    assert 'name="seen" value="0"' in line
    assert 'name="theirs" value="1"' in line
    undecided = client.post(door, stale | {"theirs": "1"}, headers=HTMX)
    assert undecided.status_code == 422
    client.post(door, stale | {"theirs": "1", "choice-lungs": "both"}, headers=HTMX)
    assert [report.fields["lungs"] for report in study.reading_reports.all()] == [
        "First window",
        "First window\nSecond window",
    ]


@pytest.mark.parametrize("way", ["study_sign", "study_review", "study_first_read"])
def test_no_way_that_keeps_text_passes_over_another_window(
    client: Client, charlie: User, study: Study, way: str
) -> None:
    if way != "study_first_read":
        first_read.commit(user=charlie, study=study, impression="normal", confidence="sure")
    write(charlie, study, lungs="Upper lobe.", impression="Pneumonia.")
    client.force_login(charlie)
    stale = signing(study, impression="Normal.") | {"impression": "normal", "confidence": "sure"}
    refused = client.post(reverse(way, args=[study.pk]), stale)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert shown(page, "impression") == "Normal."
    assert "<blockquote>Pneumonia.</blockquote>" in page
    assert "<blockquote>Upper lobe.</blockquote>" in page
    assert study.reading_reports.count() == 1
    assert not Signature.objects.exists()
    decided = {"theirs": "1", "choice-lungs": "theirs", "choice-impression": "mine"}
    assert client.post(reverse(way, args=[study.pk]), stale | decided).status_code == 302
    kept = reading.current(study)
    assert (kept["lungs"], kept["impression"]) == ("Upper lobe.", "Normal.")


def test_nobody_saves_what_somebody_else_typed_in_the_same_browser(
    client: Client, charlie: User, dora: User, study: Study
) -> None:
    client.force_login(dora)
    sent = typed(study, lungs="Of Charlie") | {"writer": str(charlie.pk)}
    door = reverse("study_reading", args=[study.pk])
    for headers in (HTMX, {}):
        answer = client.post(door, sent, headers=headers)
        assert answer.status_code == 422
        assert "Somebody else typed this report" in answer.content.decode()
        assert "Of Charlie" not in answer.content.decode()
    assert not study.reading_reports.exists()


def test_a_colleagues_report_is_told_after_the_first_read_and_can_be_taken_over(
    client: Client, charlie: User, dora: User, study: Study
) -> None:
    write(dora, study, lungs="Clear <b>lungs</b>", impression="Normal.")
    write(charlie, study, lungs="Mine")
    client.force_login(charlie)
    address = reverse("study", args=[study.pk])
    assert "Dora" not in client.get(address).content.decode()
    first_read.commit(user=charlie, study=study, impression="normal", confidence="sure")
    page = client.get(address).content.decode()
    assert "Dora Invented also wrote a report" in page
    assert "Clear &lt;b&gt;lungs&lt;/b&gt;" in page
    take = {"take": reading.latest(dora, study).pk}
    block = client.post(
        reverse("study_reading", args=[study.pk]), typed(study, lungs="Mine, longer") | {"seen": "1"} | take,
        headers=HTMX,
    ).content.decode()  # fmt: skip
    assert shown(block, "impression") == "Normal."
    assert [r.fields["lungs"] for r in study.reading_reports.filter(author=charlie)] == [
        "Mine", "Mine, longer", "Clear <b>lungs</b>",
    ]  # fmt: skip


def test_a_report_saved_meanwhile_stops_the_signature_once(
    client: Client, charlie: User, dora: User, read: Study
) -> None:
    client.force_login(charlie)
    door = reverse("study_sign", args=[read.pk])
    write(dora, read, impression="Left lower lobe.")
    refused = client.post(door, signing(read, impression="Normal."))
    assert refused.status_code == 422
    assert "A colleague saved a report" in refused.content.decode()
    known = {"known": str(reading.latest(dora, read).pk)}
    assert f'value="{known["known"]}"' in refused.content.decode()
    assert client.post(door, signing(read, impression="Normal.") | known).status_code == 302


def test_empty_parts_are_filled_as_normal_and_only_those(client: Client, charlie: User, read: Study) -> None:
    client.force_login(charlie)
    door = reverse("study_reading", args=[read.pk])
    one = client.post(door, typed(read) | {"fill": "pleura"}, headers=HTMX).content.decode()
    assert shown(one, "pleura") == "No effusion, no pneumothorax."
    assert shown(one, "lungs") == ""
    french = typed(read, pleura="Épanchement droit") | {"report_language": "fr", "seen": "1", "fill": "all"}
    block = client.post(door, french, headers=HTMX).content.decode()
    assert shown(block, "pleura") == "Épanchement droit"
    assert shown(block, "lungs").startswith("Pas de foyer")
    assert reading.latest(charlie, read).language == "fr"


@pytest.mark.parametrize("impression", ["", "pneumonia", "cannot_assess"])
def test_all_normal_is_for_whoever_saw_a_normal_image(
    client: Client, charlie: User, study: Study, impression: str
) -> None:
    if impression:
        first_read.commit(user=charlie, study=study, impression=impression, confidence="sure")
    client.force_login(charlie)
    assert "All normal" not in client.get(reverse("study", args=[study.pk])).content.decode()
    client.post(reverse("study_reading", args=[study.pk]), typed(study) | {"fill": "all"}, headers=HTMX)
    assert not study.reading_reports.exists()


def test_the_comparison_names_the_earlier_image(
    client: Client, charlie: User, henri: Patient, read: Study
) -> None:
    client.force_login(charlie)
    fill = typed(read) | {"fill": "comparison"}
    door = reverse("study_reading", args=[read.pk])
    assert "No earlier image" in client.post(door, fill, headers=HTMX).content.decode()
    earlier = studies.radiograph(charlie, henri)
    Study.objects.filter(pk=earlier.pk).update(submitted_at=timezone.now() - timedelta(days=9))
    again = fill | {"seen": "1"}
    day = f"{timezone.localtime() - timedelta(days=9):%Y-%m-%d}"
    block = client.post(door, again, headers=HTMX).content.decode()
    undated = f"Compared with the image sent on {day}, whose file does not say when it was taken."
    assert shown(block, "comparison") == undated
    assert reverse("study", args=[earlier.pk]) in block


def test_the_day_of_an_image_is_the_one_in_its_file(study: Study) -> None:
    prediction = Prediction(study=study, result={"images": [{"taken_at": "2026-01-05T10:00:00"}]})
    study._prefetched_objects_cache = {"predictions": [prediction]}
    assert reading.taken_on(study) == reading.Day(date(2026, 1, 5), in_file=True)
    prediction.result["images"][0]["taken_at"] = "2039-01-05T10:00:00"
    sent = timezone.localtime(study.submitted_at).date()
    assert reading.taken_on(study) == reading.Day(sent, in_file=False), "a day to come is no day it was taken"


def test_an_image_with_a_day_in_its_file_comes_before_one_that_was_sent_later(
    charlie: User, henri: Patient
) -> None:
    undated_now = studies.radiograph(charlie, henri)
    older = studies.radiograph(charlie, henri, taken_at="2026-01-05T10:00:00")
    dated = studies.radiograph(charlie, henri, taken_at="2026-03-05T10:00:00")
    undated = studies.radiograph(charlie, henri)
    to_come = studies.radiograph(charlie, henri, taken_at="2039-01-05T10:00:00")
    last = studies.radiograph(charlie, henri)
    found = [study.pk for study in selectors.earlier_taken(charlie, last)]
    assert found == [study.pk for study in (dated, older, to_come, undated, undated_now)]
    labels = [prior["label"] for prior in priors(charlie, last)]
    assert labels[0] == "Frontal AP · 2026-03-05 · 10:00"
    assert "date in the future" in labels[2]
    assert "no date in the file, sent on" in labels[3]


@pytest.mark.parametrize(
    ("values", "language", "code"),
    [
        ({"lungs": "x" * 4001}, "en", "report_too_long"),
        ({"liver": "large"}, "en", "unknown_field"),
        ({"lungs": "clear"}, "de", "report_language"),
    ],
)
def test_a_report_that_cannot_be_kept_says_why(
    charlie: User, study: Study, values: dict[str, str], language: str, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        reading.save(user=charlie, study=study, values=values, language=language)
    assert [problem.code for problem in refusal.value.problems] == [code]


def test_what_cannot_be_kept_stays_on_the_screen(client: Client, charlie: User, read: Study) -> None:
    client.force_login(charlie)
    long = "x" * 4001
    answer = client.post(reverse("study_sign", args=[read.pk]), signing(read, impression=long))
    assert answer.status_code == 422
    assert shown(answer.content.decode(), "impression") == long


def test_only_the_unit_writes(alice: User, henri: Patient, study: Study) -> None:
    henri.units.add(alice.units.get())
    with pytest.raises(PermissionDenied):
        write(alice, study, lungs="Clear")


def test_a_signature_needs_impression_and_verdict_and_says_both(charlie: User, read: Study) -> None:
    with pytest.raises(Refused) as refusal:
        review.sign(user=charlie, study=read)
    assert [problem.code for problem in refusal.value.problems] == ["verdict_missing", "report_missing"]


def test_what_stands_on_the_screen_is_signed(client: Client, charlie: User, read: Study) -> None:
    client.force_login(charlie)
    sent = signing(read, lungs="Clear.", impression="Normal chest\r\nX-ray.")
    assert client.post(reverse("study_sign", args=[read.pk]), sent).status_code == 302
    signature = Signature.objects.get()
    assert reading.of(signature) == [
        (Text("Lungs", "Poumons"), "Clear."),
        (Text("Impression", "Conclusion"), "Normal chest\nX-ray."),
    ]
    assert signature.content_sha256 == review.content_sha256(signature)
    assert "Normal chest<br>X-ray." in client.get(reverse("study", args=[read.pk])).content.decode()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE predictions_readingreport SET language = 'fr'")
    read.refresh_from_db()
    with pytest.raises(Refused):
        write(charlie, read, lungs="Changed.")


def test_the_hash_is_of_report_and_first_read_too(charlie: User, study: Study) -> None:
    signature = studies.signed(study, charlie)
    signed = signature.content_sha256
    signature.reading.fields["impression"] = "Another."
    assert review.content_sha256(signature) != signed
    signature.refresh_from_db()
    signature.first_read.impression = "other"
    assert review.content_sha256(signature) != signed


def test_signatures_from_before_reports_still_verify(bob: User, alice: User, claire: Patient) -> None:
    signature = studies.signed(studies.ready(alice, claire), bob)
    signature.content_version = 1
    assert set(review.content(signature)) == {
        "study", "algorithm", "version", "package", "result", "report", "review", "signer",
        "amendment_reason",
    }  # fmt: skip


def test_an_amendment_begins_with_the_signed_text_and_leaves_it(
    client: Client, charlie: User, study: Study
) -> None:
    first = studies.signed(study, charlie)
    review.amend(user=charlie, study=study, reason="side")
    client.force_login(charlie)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert shown(page, "impression") == "Seen."
    sent = signing(study, impression="Seen on the left.") | {"seen": "1"}
    assert client.post(reverse("study_sign", args=[study.pk]), sent).status_code == 302
    texts = [dict(reading.of(signature))[first_label(study)] for signature in study.signatures.all()]
    assert texts == ["Seen.", "Seen on the left."]
    first.refresh_from_db()
    assert first.content_sha256 == review.content_sha256(first)


def first_label(study: Study) -> Text:
    return study.contract.reading[-1].label


def test_a_program_writes_and_signs(client: Client, charlie: User, read: Study) -> None:
    client.force_login(charlie)
    json = {"content_type": "application/json"}
    report = reverse("api-report", args=[read.pk])
    assert client.get(report).json()["parts"][-1]["required"] is True
    sent = {"texts": {"impression": "Normale."}, "language": "fr"}
    assert client.put(report, sent, **json).json()["number"] == 1
    assert client.put(report, sent | {"texts": {"liver": "x"}}, **json).status_code == 422
    client.post(reverse("api-review", args=[read.pk]), {"verdict": "agree"}, **json)
    signed = client.post(reverse("api-sign", args=[read.pk]), {}, **json)
    assert signed.status_code == 201
    assert signed.json()["report"]["impression"] == "Normale."

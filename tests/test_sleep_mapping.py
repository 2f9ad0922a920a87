"""Which channel is which: told from the header before the upload, confirmed, remembered by the unit."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from clinic.accounts.roles import Role
from clinic.audit.models import Event
from ml.algorithms.sleep import mapping
from ml.contracts import Refused, Severity
from predictions import channel_mapping, intake, lease, run
from predictions.models import ChannelMapping, Study
from tests import factories, nights
from tests.sleep_files import edf_bytes
from tests.test_api import Program

pytestmark = pytest.mark.django_db

LABELS = ("Capteur 1", "Capteur 2", "EOG gauche", "Menton", "SaO2")
CHOSEN = {"frontal": "Capteur 2", "posterior": "none", "eog": "EOG gauche", "emg": "Menton"}


@pytest.fixture
def unit():
    return factories.unit("sleep")


@pytest.fixture
def patient(unit):
    patient = factories.patient(unit)
    factories.encounter(patient)
    return patient


@pytest.fixture
def tessa(unit):
    return factories.staff("tessa", Role.TECHNICIAN, unit)


@pytest.fixture
def desk(tessa):
    client = Client()
    client.force_login(tessa)
    return client


def ask(desk, patient, content, size=None):
    address = reverse("study_channels", args=["sleep", patient.pk])
    length = len(content) if size is None else size
    return desk.post(f"{address}?size={length}", content[:4096], content_type="application/octet-stream")


def send(user, patient, key, *, labels=LABELS, confirm_mapping=True, **options):
    content = edf_bytes(labels, seconds=60, patient=f"{key} X X X")
    return intake.submit(
        user=user,
        patient=patient,
        algorithm="sleep",
        upload=ContentFile(content, "night.edf"),
        options=options,
        idempotency_key=key,
        confirm_mapping=confirm_mapping,
    )


def staged(study):
    run._write(lease.claim(study.pk), nights.outcome())
    return study


def test_the_header_alone_says_what_would_be_read(desk, patient):
    answer = ask(desk, patient, edf_bytes(("F4-M1", "O2-M1", "E1-M2", "E2-M2", "Chin", "SaO2", "Canule")))
    text = answer.content.decode()
    for name, found in (
        ("frontal", "F4-M1"), ("posterior", "O2-M1"), ("eog", "E1-M2 − E2-M2"), ("emg", "Chin"),
        ("spo2", "none"), ("flow", "Canule"),
    ):  # fmt: skip
        select = text.split(f'name="{name}"')[1].split("</select>")[0]
        assert f'<option value="{found}" selected>' in select
    assert ChannelMapping.objects.count() == 0


def test_what_is_doubtful_about_the_channels_is_said_beside_them(desk, patient):
    nothing = ask(desk, patient, edf_bytes(("Capteur 1", "Menton"))).content.decode()
    assert "No EEG channel was recognised" in nothing
    assert '<option value="Capteur 1">' in nothing
    assert "Only a posterior derivation" in ask(desk, patient, edf_bytes(("O2-M1",))).content.decode()
    assert "note attention" not in ask(desk, patient, edf_bytes(("F4-M1",))).content.decode()


def test_a_broken_or_foreign_file_is_told_before_it_is_sent(desk, patient):
    cut = ask(desk, patient, edf_bytes(LABELS), size=9000)
    assert "incomplete" in cut.content.decode()
    assert "<select" not in cut.content.decode()
    other = edf_bytes(LABELS, patient="OTHER-1 M 02-MAY-1951 Autre_Paul")
    assert "disagree" in ask(desk, patient, other).content.decode()


def test_only_who_may_send_learns_anything(patient, client):
    nobody = ask(client, patient, edf_bytes(LABELS))
    assert nobody.status_code in (302, 403, 404)
    stranger = factories.staff("mia", Role.MIDWIFE, factories.unit("maternity"))
    client.force_login(stranger)
    assert ask(client, patient, edf_bytes(LABELS)).status_code in (403, 404)


@pytest.mark.parametrize("size", ["-1", "x", "9" * 40, "²"])
def test_a_size_that_is_no_number_finds_nothing(desk, patient, size):
    assert ask(desk, patient, edf_bytes(LABELS), size=size).status_code == 404


def test_a_confirmed_mapping_is_remembered_by_its_labels_and_audited(desk, patient, tessa, unit):
    study = send(tessa, patient, "first", **CHOSEN)
    assert ChannelMapping.objects.count() == 0, "nobody knows yet whether it can be staged"
    staged(study)
    kept = ChannelMapping.objects.get()
    assert (kept.unit, kept.confirmed_by, kept.options) == (unit, tessa, CHOSEN)
    event = Event.objects.get(kind="channel_mapping")
    assert (event.actor, event.study) == (tessa, study.pk)
    # Another recording of the same recorder, its channels in another order.
    offered = ask(desk, patient, edf_bytes(tuple(reversed(LABELS)))).content.decode()
    assert '<option value="Capteur 2" selected>' in offered
    assert "confirmed them" in offered


def test_a_remembered_mapping_serves_whoever_names_no_channel(patient, tessa):
    staged(send(tessa, patient, "first", **CHOSEN))
    later = send(tessa, patient, "second")
    assert later.options == {**CHOSEN, channel_mapping.REMEMBERED: str(ChannelMapping.objects.get().pk)}
    named = send(tessa, patient, "third", eeg="Capteur 1")
    assert named.options == {"eeg": "Capteur 1"}
    assert ChannelMapping.objects.count() == 1


def test_the_latest_confirmation_counts_and_the_same_one_is_kept_once(patient, tessa):
    staged(send(tessa, patient, "first", **CHOSEN))
    staged(send(tessa, patient, "again", **CHOSEN))
    staged(send(tessa, patient, "other", **CHOSEN | {"frontal": "Capteur 1"}))
    assert ChannelMapping.objects.count() == 2
    assert send(tessa, patient, "last").options["frontal"] == "Capteur 1"


def test_a_confirmed_mapping_is_never_changed_nor_deleted(patient, tessa):
    staged(send(tessa, patient, "first", **CHOSEN))
    for change in (lambda known: known.update(options={}), lambda known: known.delete()):
        with pytest.raises(DatabaseError, match="written once"), transaction.atomic():
            change(ChannelMapping.objects.all())
    assert ChannelMapping.objects.get().options == CHOSEN


def test_what_only_a_program_named_is_not_remembered(patient, tessa):
    def sent(key, **more):
        body = {
            "algorithm": "sleep",
            "patient": str(patient.pk),
            "options": json.dumps(CHOSEN),
            "file": SimpleUploadedFile("night.edf", edf_bytes(LABELS, seconds=60, patient=f"{key} X X X")),
        }
        answer = Program(tessa).send("api-studies", body | more, key)
        assert answer.status_code == 202, answer.content
        return Study.objects.get(pk=answer.json()["id"])

    assert staged(sent("first")).options == CHOSEN
    assert ChannelMapping.objects.count() == 0
    assert send(tessa, patient, "by hand").options == {}
    staged(sent("looked at", confirm_mapping="true"))
    assert ChannelMapping.objects.get().confirmed_by == tessa


def test_the_upload_page_confirms_what_it_showed(desk, patient, tessa):
    recording = SimpleUploadedFile("night.edf", edf_bytes(LABELS, seconds=60))
    address = reverse("study_new", args=["sleep", patient.pk])
    assert desk.post(address, CHOSEN | {"file": recording, "key": "page"}).status_code == 302
    staged(Study.objects.get())
    assert ChannelMapping.objects.get().options == CHOSEN


def test_a_night_of_before_analysed_again_does_not_undo_a_later_confirmation(patient, tessa):
    first = staged(send(tessa, patient, "first", **CHOSEN))
    staged(send(tessa, patient, "other", **CHOSEN | {"frontal": "Capteur 1"}))
    assert channel_mapping.confirm(first) is None
    assert send(tessa, patient, "last").options["frontal"] == "Capteur 1"


def test_a_mapping_without_any_eeg_is_stopped_before_it_is_sent(patient, tessa):
    with pytest.raises(Refused) as refused:
        send(tessa, patient, "first", **CHOSEN | {"frontal": "none"})
    assert [problem.code for problem in refused.value.problems] == ["no_eeg"]
    assert Study.objects.count() == 0


@pytest.mark.parametrize(
    ("chosen", "code", "said"),
    [
        ({"frontal": "E1-M2"}, "other_kind", "an eye channel"),
        ({"frontal": "F4-M1", "posterior": "Chin"}, "other_kind", "a muscle channel"),
        ({"frontal": "F4-M1", "eog": "F3-M2"}, "other_kind", "an EEG channel"),
        ({"frontal": "F4-M1", "posterior": "F4-M1"}, "used_twice", "read twice"),
        ({"frontal": "F4-M1", "posterior": "F4-M2"}, "used_twice", "read twice"),
    ],
)
def test_a_channel_of_another_kind_or_read_twice_is_doubted(chosen, code, said):
    content = edf_bytes(("F4-M1", "F4-M2", "F3-M2", "E1-M2", "Chin"))
    _header, signals = mapping.parse(content[: 256 * 6])
    found = {problem.code: problem for problem in mapping.problems(signals, chosen)}
    assert said in found[code].message.en
    assert found[code].severity is Severity.WARN
    usual = {"frontal": "F4-M1", "eog": "E1-M2", "emg": "Chin", "posterior": "none"}
    assert mapping.problems(signals, usual) == []


def test_the_page_doubts_what_is_chosen_on_it_and_leads_back_to_the_names(desk, patient, tessa):
    labels = ("F4-M1", "E1-M2", "Chin")
    first = send(tessa, patient, "first", labels=labels, frontal="F4-M1", eog="none", emg="Chin")
    staged(first)
    address = reverse("study_channels", args=["sleep", patient.pk])
    content = edf_bytes(labels)

    def told(**chosen):
        query = urlencode({"size": len(content)} | chosen)
        return desk.post(
            f"{address}?{query}", content, content_type="application/octet-stream"
        ).content.decode()

    offered = told()
    assert "data-names" in offered
    assert 'data-found="E1-M2"' in offered
    assert "an eye channel" not in offered
    assert "an eye channel" in told(frontal="E1-M2", eog="none", emg="Chin")
    assert "No EEG channel" in told(frontal="none", posterior="none")


def test_another_unit_and_other_labels_know_nothing_of_it(patient, tessa):
    staged(send(tessa, patient, "first", **CHOSEN))
    assert send(tessa, patient, "wider", labels=(*LABELS, "Jambe G")).options == {}
    other = factories.unit("maternity")
    assert channel_mapping.remembered(other, sorted(LABELS)) is None


def test_the_same_request_again_is_the_same_study(patient, tessa):
    staged(send(tessa, patient, "first", **CHOSEN))
    assert send(tessa, patient, "second") == send(tessa, patient, "second")
    assert Study.objects.count() == 2


def test_every_use_can_be_chosen_and_left_out():
    content = edf_bytes(LABELS)
    _header, signals = mapping.parse(content[: 256 * (len(LABELS) + 1)])
    uses = {use.name: use for use in mapping.uses(signals)}
    assert uses["frontal"].found == mapping.NONE
    assert {"Capteur 1", "Capteur 2"} <= set(uses["frontal"].choices)
    for name, use in uses.items():
        for choice in (mapping.NONE, *use.choices):
            found = mapping.problems(signals, {"frontal": "Capteur 1", name: choice})
            assert "unknown_channel" not in [problem.code for problem in found]

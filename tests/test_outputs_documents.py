"""A document's way: ordered, written by a worker, taken out by those who may, each step on record."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml.contracts import Refused
from patients.models import Patient
from predictions import first_read, review, tasks
from predictions.models import Document, Study
from predictions.outputs import ordering, registry, rendering
from predictions.sightings import Sightings
from predictions.storage import receive, storage
from tests import factories, outputs, studies

pytestmark = pytest.mark.django_db


def order(study: Study, **choices: str) -> Document:
    given = {"kind": "csv", "language": "fr"} | choices
    return ordering.order(user=study.submitted_by, study=study, **given)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def url(document: Document) -> str:
    return reverse("study_document", args=[document.study_id, document.pk])


def test_from_the_page_to_the_file() -> None:
    study = outputs.answered("haemorrhage")
    study_page, client = reverse("study", args=[study.pk]), browser(study.submitted_by)
    assert 'id="documents"' in client.get(study_page).content.decode()
    panel = client.post(
        reverse("study_document_order", args=[study.pk]),
        {"kind": "csv", "language": "en"},
        headers={"HX-Request": "true"},
    ).content.decode()
    assert 'hx-trigger="every 1s"' in panel
    document = Document.objects.get()
    assert client.get(url(document)).status_code == 404
    tasks.render(document_id=str(document.pk))
    panel = client.get(reverse("study_documents", args=[study.pk])).content.decode()
    assert "every 1s" not in panel
    assert url(document) in panel
    answer = client.get(url(document))
    content = b"".join(answer.streaming_content)
    document.refresh_from_db()
    assert hashlib.sha256(content).hexdigest() == document.sha256
    assert len(content) == document.size == int(answer["Content-Length"])
    assert answer["Content-Disposition"].endswith('-draft-en.csv"')
    assert "Lantern" not in answer["Content-Disposition"]


def test_order_and_download_are_on_record(alice: User, bob: User, claire: Patient) -> None:
    study = studies.ready(alice, claire)
    document = order(study)
    rendering.render(document.pk)
    browser(bob).get(url(document))
    browser(bob).get(url(document))
    events = Event.objects.filter(
        kind="document", object_id=str(document.pk), patient=claire.pk, study=study.pk
    )
    assert list(events.values_list("action", "actor__username")) == [
        (Action.CREATE, "alice"),
        (Action.DOWNLOAD, "bob"),
        (Action.DOWNLOAD, "bob"),
    ]


def test_a_stranger_finds_nothing_and_orders_nothing(alice: User, charlie: User, claire: Patient) -> None:
    document = studies.written(studies.ready(alice, claire), b"secret")
    assert browser(charlie).get(url(document)).status_code == 404
    ordered = reverse("study_document_order", args=[document.study_id])
    assert browser(charlie).post(ordered, {"kind": "pdf", "language": "fr"}).status_code == 404
    assert Document.objects.count() == 1


def test_a_document_of_another_study_is_not_found_under_this_one(alice: User, claire: Patient) -> None:
    document = studies.written(studies.ready(alice, claire), b"other")
    other = studies.ready(alice, claire)
    assert browser(alice).get(reverse("study_document", args=[other.pk, document.pk])).status_code == 404


def test_nobody_orders_or_takes_what_would_show_the_answer_before_their_own_first_read() -> None:
    study = outputs.answered("chest_xray")
    colleague = factories.staff("blind-colleague", Role.RADIOLOGIST, study.unit)
    outputs.written(study, "pdf")
    document = Document.objects.get()
    with pytest.raises(first_read.Blind):
        ordering.order(user=colleague, study=study, kind="pdf", language="fr")
    with pytest.raises(first_read.Blind):
        ordering.find_or_404(colleague, study, document.pk)
    for address in (url(document), reverse("study_documents", args=[study.pk])):
        page = browser(colleague).get(address)
        said = page.content.decode()
        assert page.status_code == 409
        assert first_read.FIRST_READ_MISSING.message.en in said
        assert f'href="{reverse("study", args=[study.pk])}"' in said
    first_read.commit(user=colleague, study=study, impression="normal", confidence="sure")
    assert ordering.find_or_404(colleague, study, document.pk) == document


def test_the_kind_stands_in_the_name_where_two_kinds_share_an_ending() -> None:
    study = outputs.answered("chest_xray")
    outputs.read(study)
    kinds = [kind.code for kind in registry.suiting(study.contract) if not kind.export]
    start = len(f"vigie-chest-xray-{study.pk.hex[:8]}-draft-")
    assert {ordering.file_name(order(study, kind=kind))[start:] for kind in kinds} == {
        "fr.pdf", "fhir-fr.json", "fr.csv", "dicom-sr-fr.dcm", "dicom-sc-fr.dcm",
    }  # fmt: skip


def test_every_wrong_choice_is_named(alice: User, claire: Patient) -> None:
    with pytest.raises(Refused) as refusal:
        order(studies.waiting(alice, claire), kind="edf_hypnogram", language="de", version="7")
    assert [problem.code for problem in refusal.value.problems] == [
        "document_not_offered", "document_language", "document_version", "no_result",
    ]  # fmt: skip


def test_a_signed_version_is_written_once_and_stays_as_it_was() -> None:
    study = outputs.answered("haemorrhage")
    outputs.sign(study)
    document = order(study)
    first = outputs.written(study, "csv", "fr")
    study.patient.family_name = "Changed"
    study.patient.save()
    assert order(study).pk == document.pk
    rendering.render(document.pk)
    assert outputs.content_of(document) == first
    review.amend(user=study.submitted_by, study=study, reason="typing error")
    assert order(study, version="1").pk == document.pk
    draft = order(study)
    assert draft.signature is None
    assert {shown.pk for shown in ordering.shown(study.submitted_by, study)} == {document.pk, draft.pk}


def test_a_draft_disappears_from_the_page_once_signed() -> None:
    study = outputs.answered("haemorrhage")
    order(study)
    outputs.sign(study)
    assert ordering.shown(study.submitted_by, study) == []


def test_a_double_click_orders_one_draft(alice: User, claire: Patient) -> None:
    study = studies.ready(alice, claire)
    assert order(study).pk == order(study).pk


def test_a_renderer_that_breaks_ends_in_a_sentence_and_a_signed_one_can_be_tried_again() -> None:
    study = outputs.answered("chest_xray")
    outputs.sign(study)
    artefact = study.prediction.artefacts.get(name="preview_0.png")
    path = Path(storage.path(artefact.stored_name))
    whole = path.read_bytes()
    broken = receive(ContentFile(b"no picture"), limit=100)
    broken.move_to(path, artefact.stored_name)
    document = order(study, kind="pdf")
    rendering.render(document.pk)
    document.refresh_from_db()
    assert (document.state, document.problems[0]["code"]) == ("failed", "document_not_written")
    path.write_bytes(whole)
    assert order(study, kind="pdf").pk == document.pk
    rendering.render(document.pk)
    assert outputs.content_of(document).startswith(b"%PDF")


def test_what_stopped_two_workers_is_given_up(alice: User, claire: Patient) -> None:
    document = order(studies.ready(alice, claire))
    long_ago = timezone.now() - timedelta(hours=1)
    Document.objects.update(attempts=rendering.MAX_ATTEMPTS, sent_at=long_ago)
    rendering.render(document.pk)
    document.refresh_from_db()
    assert document.state == "requested"
    seconds = 0.0
    sightings = Sightings(lambda: seconds)
    rendering.reap(sightings)
    document.refresh_from_db()
    assert document.state == "requested"
    seconds = 1 + registry.KINDS[document.kind].seconds + rendering.LOST_GRACE_SECONDS
    rendering.reap(sightings)
    document.refresh_from_db()
    assert document.state == "failed"


def test_old_drafts_are_thrown_away_with_their_files_and_signed_ones_kept() -> None:
    study = outputs.answered("haemorrhage")
    outputs.written(study, "csv")
    draft = Document.objects.get()
    outputs.sign(study)
    outputs.written(study, "csv")
    Document.objects.update(created_at=timezone.now() - timedelta(days=2))
    rendering.sweep()
    assert Document.objects.get().signature is not None
    assert not storage.exists(draft.stored_name)

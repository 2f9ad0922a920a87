"""An anonymised copy of a recording: who may take it, what is gone from it, and that it is on record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from predictions.models import Document, Study
from predictions.outputs import ordering, rendering
from predictions.storage import storage
from tests import factories, nights, outputs
from tests.sleep_files import edf_bytes

pytestmark = pytest.mark.django_db

NAMED = {
    "patient": "900123 F 02-MAR-1994 Lantern_Claire",
    "recording": "Startdate 01-JAN-2026 P7 Tec-Moon Amp",
}


@pytest.fixture
def study() -> Study:
    """Return a night with the recording it was analysed from."""
    found = outputs.answered("sleep", outcome=nights.outcome(nights.result(["W", "N1", "N2", "N2"])))
    return outputs.send(found, edf_bytes(seconds=120, **NAMED))


def test_the_copy_names_nobody_and_keeps_every_sample(study: Study) -> None:
    whole = edf_bytes(seconds=120, **NAMED)
    copy = outputs.written(study, "edf_anonymous")
    for word in (b"Lantern", b"Claire", b"900123", b"1994", b"Moon", b"01.01.26"):
        assert word in whole
        assert word not in copy
    assert copy[8:16] == b"X X X X "
    assert copy[512:] == whole[512:]
    assert len(copy) == len(whole)


def test_it_is_an_export_in_the_audit_and_gone_after_a_day(study: Study) -> None:
    outputs.sign(study)
    outputs.written(study, "edf_anonymous")
    document = Document.objects.get()
    assert document.signature is None, "no part of what was signed"
    assert document in ordering.shown(study.submitted_by, study)
    assert ordering.file_name(document) == f"vigie-sleep-{study.pk.hex[:8]}-anonymous.edf"
    client = Client()
    client.force_login(study.submitted_by)
    assert client.get(reverse("study_document", args=[study.pk, document.pk])).status_code == 200
    events = Event.objects.filter(kind="export", object_id=str(document.pk), patient=study.patient_id)
    assert list(events.values_list("action", flat=True)) == [Action.CREATE, Action.EXPORT]
    Document.objects.update(created_at=timezone.now() - timedelta(days=2))
    rendering.sweep()
    assert not Document.objects.exists()
    assert not storage.exists(document.stored_name)


def test_whoever_does_not_score_such_nights_takes_no_recording_out(study: Study) -> None:
    outputs.written(study, "edf_anonymous")
    document = Document.objects.get()
    study.patient.units.add(factories.unit("maternity"))
    midwife = factories.staff("midwife", Role.MIDWIFE, factories.unit("maternity"))
    with pytest.raises(PermissionDenied):
        ordering.order(user=midwife, study=study, kind="edf_anonymous", language="en")
    client = Client()
    client.force_login(midwife)
    assert client.get(reverse("study_document", args=[study.pk, document.pk])).status_code == 403
    ordered = {"kind": "edf_anonymous", "language": "en"}
    refused = client.post(reverse("api-documents", args=[study.pk]), ordered, content_type="application/json")
    assert refused.status_code == 403
    assert "edf_anonymous" not in {kind.code for kind in ordering.kinds(midwife, study)}
    assert ordering.shown(midwife, study) == []
    assert Event.objects.filter(kind="export", action=Action.REFUSED, actor=midwife).count() == 3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(300), b"nothing of a recording" * 20])
def test_without_a_recording_it_says_so(content: bytes) -> None:
    study = outputs.answered("sleep", outcome=nights.outcome(nights.result(["W", "N1"])))
    if content:
        outputs.send(study, content)
    document = ordering.order(user=study.submitted_by, study=study, kind="edf_anonymous", language="fr")
    rendering.render(document.pk)
    document.refresh_from_db()
    assert document.state == "failed"
    assert document.problems[0]["code"] != "document_not_written"

"""The structured report: conformant, filed under image and patient of record, UNVERIFIED until signed."""

from __future__ import annotations

import io
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from pydicom import dcmread
from pydicom.dataset import Dataset

from predictions.models import Document, Study, StudyFile
from predictions.outputs import ordering, rendering
from predictions.storage import receive, storage
from tests import dicom_builder, outputs

pytestmark = pytest.mark.django_db


def sent(study: Study, content: bytes) -> Study:
    """Give a study the file it was analysed from."""
    received = receive(ContentFile(content), limit=len(content))
    StudyFile.objects.create(
        study=study, name=storage.adopt(received, "uploads"), size=received.size, sha256=received.sha256
    )
    study.refresh_from_db()
    return study


@pytest.fixture
def image() -> Dataset:
    """Return a small DX object that names nobody."""
    picture = np.full((64, 64), 90, dtype=np.uint8)
    return dicom_builder.dx_from_jpeg(picture, name="", record_number="", birth_date=None, sex="")


@pytest.fixture
def study(image: Dataset) -> Study:
    """Return a study of that image, about a patient whose name DICOM cannot hold as it is."""
    stream = io.BytesIO()
    image.save_as(stream, enforce_file_format=True)
    return sent(
        outputs.answered("chest_xray", family_name="Œuvre^d’Été=\\", given_name="Zoé"), stream.getvalue()
    )


def test_it_is_filed_under_the_image_and_the_patient_of_the_record(study: Study, image: Dataset) -> None:
    report = dcmread(io.BytesIO(outputs.written(study, "dicom_sr")))
    assert report.StudyInstanceUID == image.StudyInstanceUID
    assert report.SeriesInstanceUID != image.SeriesInstanceUID
    assert report.PatientID == study.patient.record_number
    assert str(report.PatientName) == "Œuvre d’Été^Zoé"
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID


def test_it_names_the_algorithm_and_the_score(study: Study) -> None:
    report = dcmread(io.BytesIO(outputs.written(study, "dicom_sr")))
    said = " ".join(str(element.value) for element in report.iterall())
    for expected in ("81", "Probability of pneumonia", "Suggests pneumonia", "chest_xray", "0.0.1", "5" * 64):
        assert expected in said


def test_it_is_unverified_until_signed(study: Study) -> None:
    draft = dcmread(io.BytesIO(outputs.written(study, "dicom_sr")))
    assert (draft.VerificationFlag, draft.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    outputs.sign(study)
    signed = dcmread(io.BytesIO(outputs.written(study, "dicom_sr")))
    assert (signed.VerificationFlag, signed.PreliminaryFlag) == ("VERIFIED", "FINAL")
    observer = signed.VerifyingObserverSequence[0]
    signer = study.submitted_by
    assert str(observer.VerifyingObserverName) == f"{signer.last_name}^{signer.first_name}"
    verified = datetime.strptime(observer.VerificationDateTime, "%Y%m%d%H%M%S%z")
    assert verified == study.signatures.get().signed_at.replace(microsecond=0)
    assert signed.SOPInstanceUID != draft.SOPInstanceUID


@pytest.mark.dciodvfy
@pytest.mark.parametrize("signed", [False, True])
def test_dciodvfy_finds_no_error(study: Study, tmp_path: Path, signed: bool) -> None:
    if signed:
        outputs.sign(study)
    path = tmp_path / "report.dcm"
    path.write_bytes(outputs.written(study, "dicom_sr"))
    answer = subprocess.run(("dciodvfy", path), capture_output=True, text=True, check=False)
    assert "ComprehensiveSR" in answer.stderr
    assert [line for line in answer.stderr.splitlines() if line.startswith("Error")] == []


@pytest.mark.parametrize("content", [b"\xff\xd8\xff no DICOM", b""])
def test_an_image_that_did_not_come_as_dicom_is_told_so(content: bytes) -> None:
    study = sent(outputs.answered("chest_xray"), content)
    document = ordering.order(user=study.submitted_by, study=study, kind="dicom_sr", language="en")
    rendering.render(document.pk)
    failed = Document.objects.get()
    assert (failed.state, failed.problems[0]["code"]) == ("failed", "no_dicom_image")

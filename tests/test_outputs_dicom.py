"""The structured report: conformant, filed under image and patient of record, UNVERIFIED until signed."""

from __future__ import annotations

import io
import logging
import subprocess
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import highdicom as hd
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from clinic.accounts import shares
from clinic.accounts.roles import Role
from predictions import review
from predictions.models import Document, Study
from predictions.outputs import dicom_sr_words, ordering, rendering
from tests import factories, outputs, studies
from tests.chest_phantom import phantom

pytestmark = pytest.mark.django_db

PROBABILITY = hd.sr.CodedConcept("pneumonia-prob", dicom_sr_words.SCHEME, "Probability of pneumonia")
CLASS = hd.sr.CodedConcept("pneumonia-class", dicom_sr_words.SCHEME, "Class at the operating point")


@dataclass(frozen=True)
class Finding:
    """What an archive's reader takes from a structured report about one image."""

    label: str
    percent: float
    version: str
    image: str
    verified: bool


def findings(content: bytes) -> list[Finding]:
    """Read a report with nothing but the standard's own templates."""
    report = hd.sr.ComprehensiveSR.from_dataset(dcmread(io.BytesIO(content)))
    read = []
    for group in report.content.get_image_measurement_groups():
        [probability] = group.get_measurements(name=PROBABILITY)
        [evaluation] = group.get_qualitative_evaluations(name=CLASS)
        [version] = items(group[0], codes.DCM.AlgorithmVersion)
        [image] = group.source_images
        read.append(
            Finding(
                label=evaluation.value.value,
                percent=float(probability.value),
                version=version.TextValue,
                image=image.referenced_sop_instance_uid,
                verified=report.VerificationFlag == "VERIFIED",
            )
        )
    return read


def items(container: Dataset, name: object) -> list[Dataset]:
    """Return the direct children of a content item with a concept name."""
    wanted = hd.sr.CodedConcept.from_code(name) if not isinstance(name, str) else None
    return [
        item
        for item in container.ContentSequence
        if item.name == wanted or (wanted is None and item.name.value == name)
    ]


@pytest.fixture
def image() -> Dataset:
    """Return a small DX object that names nobody."""
    return outputs.dicom_image()


@pytest.fixture
def study(image: Dataset) -> Study:
    """Return a study of that image, about a patient whose name DICOM cannot hold as it is."""
    study = outputs.answered("chest_xray", family_name="Œuvre^d’Été=\\", given_name="Zoé")
    return outputs.send(study, outputs.as_file(image))


def test_it_is_filed_under_the_image_and_the_patient_of_the_record(study: Study, image: Dataset) -> None:
    report = dcmread(io.BytesIO(outputs.written(study, "dicom_sr")))
    assert report.StudyInstanceUID == image.StudyInstanceUID
    assert report.SeriesInstanceUID != image.SeriesInstanceUID
    assert report.PatientID == study.patient.record_number
    assert str(report.PatientName) == "Œuvre d’Été^Zoé"
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_reader_finds_the_same_finding_again(study: Study, image: Dataset, language: str) -> None:
    draft = Finding("ai-pneumonia", 81.0, "0.0.1", image.SOPInstanceUID, verified=False)
    assert findings(outputs.written(study, "dicom_sr", language)) == [draft]
    outputs.sign(study)
    signed = Finding("ai-pneumonia", 81.0, "0.0.1", image.SOPInstanceUID, verified=True)
    assert findings(outputs.written(study, "dicom_sr", language)) == [signed]


def test_it_names_the_package_and_the_strongest_zone(study: Study) -> None:
    report = dcmread(io.BytesIO(outputs.written(study, "dicom_sr", "fr")))
    said = " ".join(str(element.value) for element in report.iterall())
    for expected in ("Probabilité de pneumonie", outputs.ZONE.fr, "chest_xray 0.0.1", "5" * 64):
        assert expected in said


def test_every_scored_image_has_a_group_of_its_own_and_the_others_are_evidence() -> None:
    answer = outputs.radiograph()
    second = outputs.scored_image(1, probability=0.2, label="NORMAL")
    answer.result["images"][1] = second
    study = outputs.answered("chest_xray", outcome=answer)
    sent = outputs.one_examination(*(outputs.dicom_image() for _ in range(3)))
    outputs.send(study, *map(outputs.as_file, sent))
    content = outputs.written(study, "dicom_sr")
    found = [(one.label, one.percent, one.image) for one in findings(content)]
    assert found == [
        ("ai-pneumonia", 81.0, sent[0].SOPInstanceUID),
        ("ai-normal", 20.0, sent[1].SOPInstanceUID),
    ]
    [evidence] = dcmread(io.BytesIO(content)).CurrentRequestedProcedureEvidenceSequence
    named = {
        item.ReferencedSOPInstanceUID
        for series in evidence.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert named == {image.SOPInstanceUID for image in sent}


def test_a_film_that_came_as_jpeg_is_reported_without_a_reference() -> None:
    answer = outputs.radiograph()
    answer.result["images"][1] = outputs.scored_image(1, probability=0.2, label="NORMAL")
    study, image = outputs.answered("chest_xray", outcome=answer), outputs.dicom_image()
    outputs.send(study, b"\xff\xd8\xff no DICOM", outputs.as_file(image))
    content = dcmread(io.BytesIO(outputs.written(study, "dicom_sr")))
    groups = hd.sr.ComprehensiveSR.from_dataset(content).content.get_image_measurement_groups()
    named = [[one.referenced_sop_instance_uid for one in group.source_images] for group in groups]
    assert named == [[], [image.SOPInstanceUID]]
    assert content.StudyInstanceUID == image.StudyInstanceUID
    capture = dcmread(io.BytesIO(outputs.written(study, "dicom_sc")))
    assert [one.ReferencedSOPInstanceUID for one in capture.SourceImageSequence] == [image.SOPInstanceUID]


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


def test_what_people_said_stands_under_their_own_name(study: Study) -> None:
    outputs.sign(study, verdict="disagree", reason="clinical", comment="Fièvre absente")
    content = outputs.written(study, "dicom_sr")
    report = hd.sr.ComprehensiveSR.from_dataset(dcmread(io.BytesIO(content)))
    signer = f"{study.submitted_by.last_name}^{study.submitted_by.first_name}"
    [read], [written] = items(report.content[0], "first-read"), items(report.content[0], codes.DCM.Findings)
    for container in (read, written):
        [observer] = items(container, codes.DCM.PersonObserverName)
        assert observer.PersonName == signer
    [saw] = items(read, "first-impression")
    assert saw.value.value == "saw-pneumonia"
    [conclusion] = items(written, codes.DCM.Impression)
    assert conclusion.TextValue == outputs.IMPRESSION
    [group] = report.content.get_image_measurement_groups()
    assert [item.value.value for item in items(group[0], "signer-verdict")] == ["disagrees"]
    assert report.SeriesDescription == "AI result, signed: signer disagrees"


def test_every_draft_is_an_object_of_its_own_and_a_signed_version_stays_one(study: Study) -> None:
    drafts = [dcmread(io.BytesIO(outputs.written(study, "dicom_sr"))).SOPInstanceUID for _ in range(2)]
    assert len(set(drafts)) == 2, "somebody may have read in between"
    outputs.sign(study)
    first = outputs.written(study, "dicom_sr")
    review.amend(user=study.submitted_by, study=study, reason="typing error")
    assert outputs.written(study, "dicom_sr", version="1") == first


def test_a_result_of_before_several_images_is_still_reported(image: Dataset) -> None:
    study = outputs.answered("chest_xray", outcome=outputs.radiograph_before())
    outputs.send(study, outputs.as_file(image))
    [finding] = findings(outputs.written(study, "dicom_sr"))
    assert (finding.label, finding.percent, finding.image) == ("ai-pneumonia", 81.0, image.SOPInstanceUID)


def test_what_the_analyser_itself_makes_of_two_films_is_written_in_every_form() -> None:
    unit = factories.unit("radiology")
    unit.prevalence = 0.12
    reader = factories.staff("reader-films", Role.RADIOLOGIST, unit)
    # The drawing is no chest: without the gate it is scored all the same.
    options = shares.options(unit, "chest_xray") | {"no_gate": True}
    study = studies.waiting(reader, factories.patient(unit), algorithm="chest_xray", options=options)
    films = outputs.one_examination(*(outputs.film(phantom(240, 280, seed)) for seed in (0, 1)))
    studies.analysed(outputs.send(study, *map(outputs.as_file, films)))
    images = study.prediction.result["images"]
    expected = [round(100 * image["probability"], 1) for image in images]
    assert study.prediction.result["prevalence"] == 0.12
    assert "12%" in str(study.prediction.report)
    outputs.sign(study)
    found = findings(outputs.written(study, "dicom_sr"))
    structured = dcmread(io.BytesIO(outputs.written(study, "dicom_sr")))
    assert "12.0" in [str(item.value) for item in structured.iterall() if item.keyword == "NumericValue"]
    assert [(one.percent, one.image) for one in found] == [
        (percent, film.SOPInstanceUID) for percent, film in zip(expected, films, strict=True)
    ]
    capture = dcmread(io.BytesIO(outputs.written(study, "dicom_sc", "fr")))
    assert len(capture.SourceImageSequence) == 2
    for kind in ("pdf", "fhir", "csv"):
        assert outputs.written(study, kind, "fr")
    assert b'"Prevalence that probability' in outputs.written(study, "fhir")


def test_every_code_of_ours_fits_where_every_reader_looks() -> None:
    assert {len(code) for code in dicom_sr_words.CONCEPTS} <= set(range(1, 17))
    for meaning in dicom_sr_words.CONCEPTS.values():
        assert max(len(meaning.en), len(meaning.fr)) <= dicom_sr_words.LONGEST_MEANING


@pytest.mark.parametrize("kind", ["dicom_sr", "dicom_sc"])
def test_no_identifier_reaches_the_logs(
    study: Study, image: Dataset, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        outputs.written(study, kind)
    said = "".join(record.getMessage() for record in caplog.records)
    for identifier in (image.SOPInstanceUID, image.StudyInstanceUID, study.patient.record_number, "Zoé"):
        assert identifier not in said


@pytest.mark.dciodvfy
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("kind", "class_"), [("dicom_sr", "ComprehensiveSR"), ("dicom_sc", "SCImage")])
def test_dciodvfy_finds_no_error(study: Study, tmp_path: Path, signed: bool, kind: str, class_: str) -> None:
    if signed:
        outputs.sign(study, verdict="disagree", reason="poor_input", comment="trop sombre")
    path = tmp_path / "document.dcm"
    path.write_bytes(outputs.written(study, kind, "fr"))
    answer = subprocess.run(("dciodvfy", path), capture_output=True, text=True, check=False)
    assert class_ in answer.stderr
    assert [line for line in answer.stderr.splitlines() if line.startswith("Error")] == []


@pytest.mark.dciodvfy
@pytest.mark.parametrize("kind", ["dicom_sr", "dicom_sc"])
def test_what_a_careless_device_wrote_spoils_nothing(image: Dataset, tmp_path: Path, kind: str) -> None:
    careless = {
        "StudyDate": "2026.05.02", "StudyTime": "12:30", "StudyID": "more than sixteen characters",
        "AccessionNumber": "A" * 30, "LossyImageCompression": "YES",
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, written in careless.items():
            setattr(image, keyword, written)
        content = outputs.as_file(image)
    path = tmp_path / "document.dcm"
    path.write_bytes(outputs.written(outputs.send(outputs.answered("chest_xray"), content), kind))
    answer = subprocess.run(("dciodvfy", path), capture_output=True, text=True, check=False)
    assert [line for line in answer.stderr.splitlines() if line.startswith("Error")] == []


def nameless() -> bytes:
    """Return a DICOM image whose examination has no number that anything could be filed under."""
    image = outputs.dicom_image()
    image.StudyInstanceUID = ""
    return outputs.as_file(image)


@pytest.mark.parametrize("kind", ["dicom_sr", "dicom_sc"])
@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff no DICOM", b"", nameless()], ids=["JPEG", "nothing", "no examination"]
)
def test_an_image_that_did_not_come_as_dicom_is_told_so(kind: str, content: bytes) -> None:
    study = outputs.send(outputs.answered("chest_xray"), content)
    outputs.read(study)
    document = ordering.order(user=study.submitted_by, study=study, kind=kind, language="en")
    rendering.render(document.pk)
    failed = Document.objects.get()
    assert (failed.state, failed.problems[0]["code"]) == ("failed", "no_dicom_image")

"""The score of a chest X-ray as a DICOM Comprehensive SR (TID 1500), for the archive beside the image.

UNVERIFIED until somebody signs. It refers to the image it was computed from, so only an X-ray that came as
DICOM can have one. The patient is the one on record: a file that named another was refused at the start.
"""

from __future__ import annotations

import io
import uuid
from typing import Any

import highdicom as hd
from django.utils import timezone
from highdicom.sr import templates
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from clinic.accounts.models import User
from ml.contracts import Problem, Refused, Text
from patients.models import Patient
from predictions.outputs.facts import Facts

SCHEME = "99VIGIE"
MANUFACTURER = "Vigie"
SERIES_NUMBER = 9001
PN_CHARACTERS = 64
PN_FORBIDDEN = str.maketrans(dict.fromkeys("^=\\", " "))
DICOM_SEX = {"F": "F", "M": "M", "O": "O"}
# What an archive needs to file the report with the image; nothing else is taken from the sender's file.
FILED_UNDER = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "Rows", "Columns", "Modality",
)  # fmt: skip
REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")

CHEST_ONE_VIEW = hd.sr.CodedConcept("36554-4", "LN", "XR Chest Single view")
PROBABILITY = hd.sr.CodedConcept("pneumonia-probability", SCHEME, "Probability of pneumonia")
CLASSIFICATION = hd.sr.CodedConcept("pneumonia-class", SCHEME, "Class at the operating point")
CLASSES = {
    "PNEUMONIA": hd.sr.CodedConcept("suggests-pneumonia", SCHEME, "Suggests pneumonia"),
    "NORMAL": hd.sr.CodedConcept("no-pneumonia-suggested", SCHEME, "Does not suggest pneumonia"),
}
SIGNER_VERDICT = hd.sr.CodedConcept("signer-verdict", SCHEME, "Verdict of the signer on the result")
VERDICTS = {
    "agree": hd.sr.CodedConcept("agrees", SCHEME, "Agrees with the result"),
    "disagree": hd.sr.CodedConcept("disagrees", SCHEME, "Disagrees with the result"),
    "cannot_assess": hd.sr.CodedConcept("cannot-assess", SCHEME, "Cannot assess the result"),
}
SERIES = {
    "agree": "AI result, signed",
    "disagree": "AI result, signed: signer disagrees",
    "cannot_assess": "AI result, signed: cannot assess",
}

NOT_FROM_DICOM = Problem(
    "no_dicom_image",
    Text(
        "This X-ray did not come as a complete DICOM image, so there is none that a structured report could "
        "refer to. Choose another form, or send the DICOM image.",
        "Cette radiographie n’est pas arrivée comme image DICOM complète : un compte rendu structuré "
        "n’aurait rien à référencer. Choisissez une autre forme, ou envoyez l’image DICOM.",
    ),
)


def render(facts: Facts) -> bytes:
    """Write the structured report.

    Raises
    ------
    ml.contracts.Refused
        When the X-ray did not come as DICOM.
    """
    image = _image(facts)
    signature = facts.signature
    report = hd.sr.ComprehensiveSR(
        evidence=[image],
        content=_content(facts, image)[0],
        series_instance_uid=_uid(facts, "series"),
        series_number=SERIES_NUMBER,
        sop_instance_uid=_uid(facts, "instance"),
        instance_number=signature.version if signature else 1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=signature is not None,
        is_verified=signature is not None,
        verifying_observer_name=_signer(signature.signer) if signature else None,
        verifying_organization=facts.study.unit.name_fr if signature else None,
        series_description=SERIES[signature.review.verdict] if signature else "AI draft - not signed",
    )
    if signature:
        verified = timezone.localtime(signature.signed_at)
        report.VerifyingObserverSequence[0].VerificationDateTime = f"{verified:%Y%m%d%H%M%S%z}"
    stream = io.BytesIO()
    report.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _image(facts: Facts) -> Dataset:
    """Return what identifies the analysed image, under the patient of the record."""
    with facts.input_path() as path:
        if path is None:
            raise Refused(NOT_FROM_DICOM)
        try:
            sent = dcmread(path, stop_before_pixels=True, specific_tags=list(FILED_UNDER))
        except InvalidDicomError as error:
            raise Refused(NOT_FROM_DICOM) from error
    if not all(sent.get(name) for name in REQUIRED):
        raise Refused(NOT_FROM_DICOM)
    image = Dataset()
    for name in FILED_UNDER:
        setattr(image, name, sent.get(name) or "")
    _identify(image, facts.patient)
    return image


def _identify(image: Dataset, patient: Patient) -> None:
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName = f"{_person(patient.family_name)}^{_person(patient.given_name)}"[:PN_CHARACTERS]
    image.PatientID = patient.record_number
    image.PatientBirthDate = f"{patient.birth_date:%Y%m%d}"
    image.PatientSex = DICOM_SEX.get(patient.sex, "")
    image.ReferringPhysicianName = ""


def _person(name: str) -> str:
    """Return a name without the characters that separate the parts of a DICOM name."""
    return name.translate(PN_FORBIDDEN).strip()[:PN_CHARACTERS]


def _signer(user: User) -> str:
    """Return a person's name in DICOM's order; a caret ends a name of one part."""
    return f"{_person(user.last_name or user.username)}^{_person(user.first_name)}"[:PN_CHARACTERS]


def _content(facts: Facts, image: Dataset) -> hd.sr.MeasurementReport:
    language = hd.sr.CodedConcept("en", "RFC5646", "English")
    device = templates.DeviceObserverIdentifyingAttributes(
        uid=_uid(facts, "device"),
        name=facts.package_name,
        manufacturer_name=MANUFACTURER,
        model_name=facts.study.algorithm,
        serial_number=facts.prediction.package_sha256[:PN_CHARACTERS],
    )
    observer = templates.ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=device
    )
    return templates.MeasurementReport(
        observation_context=templates.ObservationContext(observer_device_context=observer),
        procedure_reported=CHEST_ONE_VIEW,
        imaging_measurements=[_measurements(facts, image)],
        language_of_content_item_and_descendants=templates.LanguageOfContentItemAndDescendants(language),
    )


def _measurements(facts: Facts, image: Dataset) -> Any:
    algorithm = templates.AlgorithmIdentification(
        name=facts.study.algorithm,
        version=facts.prediction.package_version,
        parameters=[f"package sha256 {facts.prediction.package_sha256}"],
        manufacturer=MANUFACTURER,
    )
    probability = templates.Measurement(
        name=PROBABILITY, value=round(100 * facts.result["probability"], 1), unit=codes.UCUM.Percent
    )
    evaluations = [templates.QualitativeEvaluation(name=CLASSIFICATION, value=CLASSES[facts.result["label"]])]
    if facts.signature:
        verdict = VERDICTS[facts.signature.review.verdict]
        evaluations.append(templates.QualitativeEvaluation(name=SIGNER_VERDICT, value=verdict))
    return templates.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=templates.TrackingIdentifier(uid=_uid(facts, "finding"), identifier="pneumonia"),
        algorithm_id=algorithm,
        measurements=[probability],
        qualitative_evaluations=evaluations,
        source_images=[hd.sr.SourceImageForMeasurementGroup.from_source_image(image)],
    )


def _uid(facts: Facts, name: str) -> UID:
    """Return a UID that stays the same whenever the same version is written again."""
    version = facts.signature.version if facts.signature else 0
    pinned = facts.prediction.package_sha256 if name == "device" else f"{facts.prediction.pk}/{version}"
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{pinned}/{name}').int}")

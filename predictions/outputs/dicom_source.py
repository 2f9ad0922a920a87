"""What our DICOM objects share: the images they come from, the patient on record, their own numbers.

They are filed beside the images sent, so only an X-ray that came as DICOM can have one. The patient is the
one on record: a file that named another was refused at the start.
"""

from __future__ import annotations

import logging
import re
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from clinic.accounts.models import User
from ml.contracts import Problem, Refused, Text
from patients.models import Patient
from predictions import verdicts
from predictions.models import Verdict
from predictions.outputs import radiograph
from predictions.outputs.facts import Facts

MANUFACTURER = "Vigie"
TALKATIVE = ("pydicom", "highdicom")
LONG_STRING = 64
"""Characters of a value of LO, and of each part of a name."""
PN_FORBIDDEN = str.maketrans(dict.fromkeys("^=\\", " "))
DICOM_SEX = {"F": "F", "M": "M", "O": "O"}
# What an archive needs to file ours with the image; nothing else is taken from the sender's file.
FILED_UNDER = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "Rows", "Columns", "Modality", "LossyImageCompression",
)  # fmt: skip
SHORT_STRING = re.compile(r"[^\\\x00-\x1f]{0,16}")
FORMS = {
    "StudyDate": re.compile(r"\d{8}"),
    "StudyTime": re.compile(r"\d{2}([0-5]\d([0-5]\d(\.\d{1,6})?)?)?"),
    "StudyID": SHORT_STRING,
    "AccessionNumber": SHORT_STRING,
    "LossyImageCompression": re.compile("00|01"),
}
REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
SERIES = {
    Verdict.AGREE: "AI result, signed",
    Verdict.DISAGREE: "AI result, signed: signer disagrees",
    Verdict.CANNOT_ASSESS: "AI result, signed: cannot assess",
    verdicts.NOT_SEEN: "AI result, signed without sight of it",
}
DRAFT_SERIES = "AI draft - not signed"

NOT_FROM_DICOM = Problem(
    "no_dicom_image",
    Text(
        "This X-ray did not come as a complete DICOM image, so there is none that a DICOM document could "
        "refer to. Choose another form, or send the DICOM image.",
        "Cette radiographie n’est pas arrivée comme image DICOM complète : un document DICOM n’aurait rien à "
        "référencer. Choisissez une autre forme, ou envoyez l’image DICOM.",
    ),
)


@dataclass(frozen=True, slots=True)
class Sources:
    """The DICOM images of one examination that a result was computed from.

    Parameters
    ----------
    filed
        Image under whose study ours is filed: that of the headline, else the first.
    images
        By number of the file; images of another examination and those that came as JPEG are not among them.
    """

    filed: Dataset
    images: Mapping[int, Dataset]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom and highdicom from writing identifiers and attribute values into logs."""
    levels = {name: logging.getLogger(name).level for name in TALKATIVE}
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def sources(facts: Facts) -> Sources:
    """Return what identifies the analysed images, under the patient of the record.

    Raises
    ------
    ml.contracts.Refused
        When none came as a complete DICOM object.
    """
    with facts.input_paths() as paths:
        read = {number: _image(path, facts.patient) for number, path in paths.items()}
    found = {number: image for number, image in read.items() if image is not None}
    if not found:
        raise Refused(NOT_FROM_DICOM)
    filed = found.get(radiograph.headline(facts)) or next(iter(found.values()))
    same = {
        number: image for number, image in found.items() if image.StudyInstanceUID == filed.StudyInstanceUID
    }
    return Sources(filed, same)


def _image(path: Path, patient: Patient) -> Dataset | None:
    """Return what identifies one file; ``None`` when it is no complete DICOM object."""
    try:
        sent = dcmread(path, stop_before_pixels=True, specific_tags=list(FILED_UNDER))
    except InvalidDicomError:
        return None
    if not all(UID(str(sent.get(name) or "")).is_valid for name in REQUIRED):
        return None
    image = Dataset()
    for name in FILED_UNDER:
        written = sent.get(name) or ""
        # Old or careless devices write what the standard does not allow; ours must be readable everywhere.
        setattr(image, name, written if _allowed(name, str(written)) else "")
    _identify(image, patient)
    return image


def _allowed(name: str, written: str) -> bool:
    return name not in FORMS or FORMS[name].fullmatch(written) is not None


def _identify(image: Dataset, patient: Patient) -> None:
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName = name_of(patient.family_name, patient.given_name)
    image.PatientID = patient.record_number
    image.PatientBirthDate = f"{patient.birth_date:%Y%m%d}"
    image.PatientSex = DICOM_SEX.get(patient.sex, "")
    image.ReferringPhysicianName = ""


def person(user: User) -> str:
    """Return a member of staff's name in DICOM's order; a caret ends a name of one part."""
    return name_of(user.last_name or user.username, user.first_name)


def name_of(family: str, given: str) -> str:
    """Return a name without the characters that separate the parts of a DICOM name."""
    parts = (part.translate(PN_FORBIDDEN).strip()[:LONG_STRING] for part in (family, given))
    return "^".join(parts)[:LONG_STRING]


def series_description(facts: Facts) -> str:
    """Say in plain ASCII, where lists of series show it, whether it is signed and agreed with."""
    return SERIES[verdicts.code(facts.signature.review)] if facts.signature else DRAFT_SERIES


def uid(facts: Facts, *of: object) -> UID:
    """Return a UID of a part of this document: the same when the same signed version is written again.

    Drafts change as people read, so each order is an object of its own.
    """
    version = facts.signature.version if facts.signature else f"0/{facts.written_at.isoformat()}"
    return _made(facts.prediction.pk, version, facts.language, *of)


def lasting_uid(facts: Facts, *of: object) -> UID:
    """Return a UID of something that every version and draft of a result speaks of."""
    return _made(facts.prediction.pk, *of)


def device_uid(facts: Facts) -> UID:
    """Return the UID of the package: the same for every result of it."""
    return _made(facts.prediction.package_sha256, "device")


def _made(*of: object) -> UID:
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(map(str, of))).int}")


def referenced(images: Iterable[Dataset]) -> list[Dataset]:
    """Return the items of a sequence that names images."""
    items = []
    for image in images:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
        items.append(item)
    return items

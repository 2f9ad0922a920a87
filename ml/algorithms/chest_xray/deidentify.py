"""A copy of an X-ray that names nobody, for research.

DICOM: the Basic Application Level Confidentiality Profile (PS3.15 annex E) turned round. Instead of removing
what its table lists, only what is listed here is kept (image, grey levels, geometry, projection, exposure):
private attributes, overlays, comments and whatever nobody thought of are gone with the rest. JPEG and PNG:
everything but the picture itself is left behind, byte for byte. What is in the pixels stays: a person has to
look, and the warnings of a copy say where it is most needed.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from ml.contracts import Problem, Refused, Text

IMPLEMENTATION = "2.25.161803398874989484820458683436563811772"
METHOD = "Vigie: PS3.15 E.1, kept by list"
UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
KEPT = frozenset({
    "SOPClassUID", "Modality", "ImageType", "PresentationIntentType", "ConversionType",
    "InstanceNumber", "SeriesNumber", "Manufacturer", "ManufacturerModelName", "BodyPartExamined",
    "ViewPosition", "PatientOrientation", "Laterality", "ImageLaterality", "ViewCodeSequence",
    "ViewModifierCodeSequence", "AnatomicRegionSequence", "CodeValue", "CodingSchemeDesignator",
    "CodeMeaning", "KVP", "ExposureTime", "XRayTubeCurrent", "Exposure", "DistanceSourceToDetector",
    "DistanceSourceToPatient", "DetectorType", "PositionerType", "SamplesPerPixel",
    "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PlanarConfiguration", "NumberOfFrames", "PixelAspectRatio",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "SmallestImagePixelValue", "LargestImagePixelValue",
    "PixelData", "PixelSpacing", "ImagerPixelSpacing", "PixelSpacingCalibrationType",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence", "ModalityLUTSequence", "ModalityLUTType", "LUTDescriptor", "LUTData",
    "PresentationLUTShape", "PixelIntensityRelationship", "PixelIntensityRelationshipSign",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    "BurnedInAnnotation",
})  # fmt: skip
# Words of a list of the standard; anything else in such an element is somebody's own text.
_CODE = re.compile(r"[A-Z0-9_ ]{0,16}")
# PS3.16 CID 7050: what was done.
_PROFILE = ("113100", "Basic Application Confidentiality Profile")
_CLEAN_DESCRIPTORS = ("113105", "Clean Descriptors Option")
_CHARACTERISTICS = ("113108", "Retain Patient Characteristics Option")
_MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_OLDEST = 89
_JPEG_KEPT = {0xE0, 0xEE}  # JFIF and Adobe say how the colours are meant
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT"}
_PNG = b"\x89PNG\r\n\x1a\n"
_BORDER = 0.2
_JUMP = 0.5
_JUMPS, _ROWS = 6, 6

BURNT_IN = Problem(
    "burned_in_annotation",
    Text(
        "The image says that text is burnt into it. It is left out: remove the text first.",
        "L’image indique qu’un texte y est incrusté. Elle n’est pas jointe : retirez d’abord le texte.",
    ),
)
LOOK = Problem(
    "look_at_pixels",
    Text(
        "Nothing was changed in the picture itself. Look at it before you give it away: names are sometimes "
        "burnt in.",
        "L’image elle-même n’a pas été modifiée. Regardez-la avant de la transmettre : des noms y sont "
        "parfois incrustés.",
    ),
)
LETTERING = Problem(
    "lettering",
    Text(
        "There seems to be lettering near the edge of the picture.",
        "Du texte semble présent près du bord de l’image.",
    ),
)
NO_IMAGE = Problem(
    "no_image_to_copy",
    Text(
        "This file is no image that can be copied.", "Ce fichier n’est pas une image qui puisse être copiée."
    ),
)


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """Who the patient is called, and how numbers and dates change.

    Parameters
    ----------
    name
        Instead of name and record number.
    key
        Of the UIDs: the same key gives the same UID for the same original.
    shift_days
        By how much dates move; ``None`` removes them.
    """

    name: str
    key: bytes
    shift_days: int | None = None

    def uid(self, original: str) -> str:
        """Return another UID for an original, the same each time under one key."""
        digest = hmac.new(self.key, b"uid" + original.encode(), hashlib.sha256).digest()
        return f"2.25.{int.from_bytes(digest[:16])}"

    def date(self, original: str) -> str:
        """Return a DICOM date moved, or none."""
        if self.shift_days is None or not re.fullmatch(r"\d{8}", original):
            return ""
        try:
            moved = date(int(original[:4]), int(original[4:6]), int(original[6:])) + timedelta(
                self.shift_days
            )
        except (ValueError, OverflowError):
            return ""
        return f"{moved:%Y%m%d}"


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy and what has to be said of it."""

    content: bytes
    suffix: str
    removed: int
    warnings: tuple[Problem, ...]


def copy(content: bytes, pseudonym: Pseudonym) -> Copied:
    """Return a copy of an image that names nobody.

    Raises
    ------
    ml.contracts.Refused
        When the image says that text is burnt in, or it is none.
    """
    if content.startswith(_PNG):
        return _stripped(content, b"".join([_PNG, *_png_chunks(content)]), ".png")
    if content.startswith(b"\xff\xd8"):
        return _stripped(content, b"".join(_jpeg_segments(content)), ".jpg")
    if content[128:132] != b"DICM":
        raise Refused(NO_IMAGE)
    return _dicom(content, pseudonym)


def _stripped(content: bytes, kept: bytes, suffix: str) -> Copied:
    return Copied(kept, suffix, len(content) - len(kept), (LOOK,))


def _png_chunks(content: bytes) -> Iterator[bytes]:
    at = len(_PNG)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        kind, end = content[at + 4 : at + 8], at + 12 + length
        if end > len(content):
            raise Refused(NO_IMAGE)
        if kind in _PNG_KEPT:
            yield content[at:end]
        if kind == b"IEND":
            return
        at = end
    raise Refused(NO_IMAGE)


def _jpeg_segments(content: bytes) -> Iterator[bytes]:
    yield content[:2]
    at = 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker, end = content[at + 1], at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if marker == 0xFF:  # fill bytes may stand before any marker
            at += 1
            continue
        if marker == 0xDA:
            # From the first scan on only tables and scans follow; nothing after the end of the image is kept.
            finish = content.rfind(b"\xff\xd9")
            if finish < at:
                raise Refused(NO_IMAGE)
            yield content[at : finish + 2]
            return
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker in _JPEG_KEPT:
            yield content[at:end]
        at = end
    raise Refused(NO_IMAGE)


def _dicom(content: bytes, pseudonym: Pseudonym) -> Copied:
    source = pydicom.dcmread(io.BytesIO(content))
    if str(source.get("BurnedInAnnotation", "")).upper() == "YES":
        raise Refused(BURNT_IN)
    made = _kept(source)
    for uid in UIDS:
        if source.get(uid):
            setattr(made, uid, pseudonym.uid(str(source.get(uid))))
    _person(made, source, pseudonym)
    _said(made, pseudonym)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.ImplementationClassUID = IMPLEMENTATION
    stream = io.BytesIO()
    # A preamble of zeros: what stood there (another format, a program) is no part of the image.
    made.preamble = bytes(128)
    made.save_as(stream, enforce_file_format=True)
    names = {element.tag for element in source.iterall()} - {element.tag for element in made.iterall()}
    return Copied(stream.getvalue(), ".dcm", len(names), (LOOK, *_lettering(source)))


def _kept(source: Dataset) -> Dataset:
    made = Dataset()
    for element in source:
        if element.keyword not in KEPT:
            continue
        if element.VR == "SQ":
            items = [_kept(item) for item in element.value]
            if items:
                setattr(made, element.keyword, Sequence(items))
        elif element.VR != "CS" or all(_CODE.fullmatch(str(word)) for word in _words(element.value)):
            made.add(element)
    return made


def _words(value: object) -> list[object]:
    if value is None or isinstance(value, str):
        return [value or ""]
    return list(value) if hasattr(value, "__iter__") else [value]


def _person(made: Dataset, source: Dataset, pseudonym: Pseudonym) -> None:
    """Write the attributes that every image must have, with nobody in them."""
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName = made.PatientID = pseudonym.name
    made.PatientBirthDate = ""
    sex = str(source.get("PatientSex", ""))
    made.PatientSex = sex if sex in ("F", "M", "O") else ""
    if age := _age(str(source.get("PatientAge", ""))):
        made.PatientAge = age
    for name in ("StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(made, name, "")
    made.StudyDate = pseudonym.date(str(source.get("StudyDate", "")))


def _age(written: str) -> str:
    """Return an age as written; beyond 89 years it would tell few people apart."""
    if not re.fullmatch(r"\d{3}[DWMY]", written):
        return ""
    return f"{_OLDEST + 1:03}Y" if written[3] == "Y" and int(written[:3]) > _OLDEST else written


def _said(made: Dataset, pseudonym: Pseudonym) -> None:
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = METHOD
    shifted = pseudonym.shift_days is not None
    made.LongitudinalTemporalInformationModified = "MODIFIED" if shifted else "REMOVED"
    codes = [_PROFILE, _CLEAN_DESCRIPTORS, _CHARACTERISTICS, *([_MODIFIED_DATES] if shifted else [])]
    made.DeidentificationMethodCodeSequence = Sequence([_code(*code) for code in codes])


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


def _lettering(source: Dataset) -> tuple[Problem, ...]:
    try:
        pixels = source.pixel_array
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        return ()
    return (LETTERING,) if lettered(np.asarray(pixels)) else ()


def lettered(pixels: np.ndarray) -> bool:
    """Return whether there seem to be letters near the edge: rows of hard jumps, several below each other.

    Parameters
    ----------
    pixels
        Grey levels, shape (rows, columns); of more dimensions nothing is said.
    """
    if pixels.ndim != 2 or min(pixels.shape) < 2 * _ROWS or pixels.max() == pixels.min():
        return False
    grey = (pixels.astype(np.float32) - float(pixels.min())) / (float(pixels.max()) - float(pixels.min()))
    rows, columns = grey.shape
    high, wide = int(rows * _BORDER), int(columns * _BORDER)
    bands = (grey[:high], grey[rows - high :], grey[:, :wide], grey[:, columns - wide :])
    return any(_busy(band) for band in bands)


def _busy(band: np.ndarray) -> bool:
    busy = (np.abs(np.diff(band, axis=1)) > _JUMP).sum(axis=1) >= _JUMPS
    run = 0
    for one in busy:
        run = run + 1 if one else 0
        if run >= _ROWS:
            return True
    return False

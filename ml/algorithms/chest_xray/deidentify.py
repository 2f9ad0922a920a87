"""A copy of an X-ray that names nobody, for research.

DICOM: the Basic Application Level Confidentiality Profile (PS3.15 annex E) turned round. Instead of removing
what its table lists, only what is listed here is kept (image, grey levels, geometry, projection, exposure):
private attributes, overlays, comments and whatever nobody thought of are gone with the rest, and of what is
written in words only those of the standard stay (:mod:`ml.algorithms.chest_xray.vocabulary`). JPEG and PNG,
within a DICOM object too, and RLE: everything but the picture itself is left behind. What is in the pixels
stays: a person has to look, and the warnings of a copy say where it is most needed.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.sequence import Sequence

from ml.algorithms.chest_xray import segments, vocabulary
from ml.contracts import Problem, Refused, Severity, Text

IMPLEMENTATION = "2.25.161803398874989484820458683436563811772"
METHOD = "Vigie: PS3.15 E.1, kept by list"
UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
KEPT = frozenset({
    "SOPClassUID", "Modality", "ImageType", "PresentationIntentType", "ConversionType",
    "InstanceNumber", "SeriesNumber", "BodyPartExamined",
    "ViewPosition", "PatientOrientation", "Laterality", "ImageLaterality", "ViewCodeSequence",
    "AnatomicRegionSequence", "KVP", "ExposureTime", "XRayTubeCurrent", "Exposure",
    "DistanceSourceToDetector", "DistanceSourceToPatient", "DetectorType", "PositionerType",
    "SamplesPerPixel",
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
_JPEG = frozenset({
    uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
})  # fmt: skip
_JPEG_2000 = frozenset({
    uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K,
})  # fmt: skip
# PS3.16 CID 7050: what was done.
_PROFILE = ("113100", "Basic Application Confidentiality Profile")
_CLEAN_DESCRIPTORS = ("113105", "Clean Descriptors Option")
_CHARACTERISTICS = ("113108", "Retain Patient Characteristics Option")
_MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_OLDEST = 89
# Chunks that belong to the picture, and the most bytes each may have.
_PNG_KEPT = {b"IHDR": 13, b"PLTE": 768, b"tRNS": 256, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"sBIT": 4}
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
    severity=Severity.WARN,
)
LETTERING = Problem(
    "lettering",
    Text(
        "There seems to be lettering near the edge of the picture.",
        "Du texte semble présent près du bord de l’image.",
    ),
    severity=Severity.WARN,
)
NOT_LOOKED_AT = Problem(
    "not_looked_at",
    Text(
        "This picture could not be searched for lettering.",
        "La présence de texte n’a pas pu être recherchée dans cette image.",
    ),
    severity=Severity.WARN,
)
LOOKED_AT = "edges"
"""Where lettering was searched for: a fifth of the picture along each side, not its middle."""
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
    """A copy and what has to be said of it; ``looked_at`` is empty where lettering was not searched for."""

    content: bytes
    suffix: str
    removed: int
    warnings: tuple[Problem, ...]
    looked_at: str = ""


def copy(content: bytes, pseudonym: Pseudonym) -> Copied:
    """Return a copy of an image that names nobody.

    Raises
    ------
    ml.contracts.Refused
        When the image says that text is burnt in, or it is none.
    """
    try:
        if content.startswith(_PNG):
            return _stripped(content, b"".join([_PNG, *_png_chunks(content)]), ".png")
        if content.startswith(b"\xff\xd8"):
            return _stripped(content, segments.jpeg(content), ".jpg")
        if content[128:132] == b"DICM":
            return _dicom(content, pseudonym)
    except (segments.NotAStream, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Refused(NO_IMAGE) from error
    raise Refused(NO_IMAGE)


def _stripped(content: bytes, kept: bytes, suffix: str) -> Copied:
    try:
        with Image.open(io.BytesIO(kept)) as picture:
            pixels = np.asarray(picture.convert("F"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        pixels = None
    return _copied(kept, suffix, len(content) - len(kept), pixels)


def _copied(content: bytes, suffix: str, removed: int, pixels: np.ndarray | None) -> Copied:
    if pixels is None:
        return Copied(content, suffix, removed, (LOOK, NOT_LOOKED_AT))
    found = (LETTERING,) if lettered(pixels) else ()
    return Copied(content, suffix, removed, (LOOK, *found), LOOKED_AT)


def _png_chunks(content: bytes) -> Iterator[bytes]:
    at, header, pixels = len(_PNG), b"", []
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        kind, end = content[at + 4 : at + 8], at + 12 + length
        if end > len(content):
            raise Refused(NO_IMAGE)
        if kind == b"IHDR":
            header = content[at + 8 : end - 4]
        if kind == b"IDAT":
            pixels.append(content[at + 8 : end - 4])
        elif kind == b"IEND":
            yield _png_chunk(b"IDAT", segments.png_pixels(header, b"".join(pixels)))
            yield _png_chunk(kind, b"")
            return
        elif length <= _PNG_KEPT.get(kind, -1):
            yield content[at:end]
        at = end
    raise Refused(NO_IMAGE)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def _dicom(content: bytes, pseudonym: Pseudonym) -> Copied:
    source = pydicom.dcmread(io.BytesIO(content))
    if str(source.get("BurnedInAnnotation", "")).upper() == "YES":
        raise Refused(BURNT_IN)
    made = _kept(source, KEPT)
    made["PixelData"] = _picture(source)
    for name in UIDS:
        if source.get(name):
            setattr(made, name, pseudonym.uid(str(source.get(name))))
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
    return _copied(stream.getvalue(), ".dcm", len(names), _pixels(source))


def _kept(source: Dataset, keywords: frozenset[str]) -> Dataset:
    made = Dataset()
    for element in source:
        if element.keyword not in keywords or element.keyword == "PixelData":
            continue
        if element.VR == "SQ":
            items = [item for item in (_item(element.keyword, one) for one in element.value) if item]
            if items:
                setattr(made, element.keyword, Sequence(items))
        elif (values := vocabulary.allowed(element.keyword, element.VR, _words(element.value))) is not None:
            made.add_new(element.tag, element.VR, values if len(values) > 1 else values[0])
    return made


def _item(keyword: str, item: Dataset) -> Dataset | None:
    """Return an item of a sequence: a table of grey levels, or a code that is known."""
    if keyword in vocabulary.ITEMS:
        return _kept(item, vocabulary.ITEMS[keyword])
    known = vocabulary.code(keyword, item)
    if known is None:
        return None
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = known
    return made


def _picture(source: Dataset) -> pydicom.DataElement:
    """Return the pixels as they are, without what their encoding has room for beside them."""
    syntax, stored = source.file_meta.TransferSyntaxUID, source["PixelData"]
    frames = int(source.get("NumberOfFrames") or 1)
    if not syntax.is_encapsulated:
        bits = source.Rows * source.Columns * source.SamplesPerPixel * frames * source.BitsAllocated
        size = -(-bits // 8)
        value = stored.value[:size] + b"\0" * (size % 2)
    elif syntax in _JPEG:
        value = _encapsulated(stored.value, frames, segments.jpeg)
    elif syntax in _JPEG_2000:
        value = _encapsulated(stored.value, frames, segments.jpeg_2000)
    elif syntax == uid.RLELossless:
        layers = source.SamplesPerPixel * source.BitsAllocated // 8
        pixels = source.Rows * source.Columns
        value = _encapsulated(stored.value, frames, lambda frame: segments.rle(frame, layers, pixels))
    else:
        raise Refused(NO_IMAGE)
    made = pydicom.DataElement(stored.tag, stored.VR, value)
    made.is_undefined_length = syntax.is_encapsulated
    return made


def _encapsulated(value: bytes, frames: int, stripped: Callable[[bytes], bytes]) -> bytes:
    return encapsulate([stripped(frame) for frame in generate_frames(value, number_of_frames=frames)])


def _words(value: object) -> list[object]:
    if value is None or isinstance(value, (str, bytes)):
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


def _pixels(source: Dataset) -> np.ndarray | None:
    try:
        pixels = np.asarray(source.pixel_array)
    except (AttributeError, NotImplementedError, RuntimeError, ValueError):
        return None
    if pixels.ndim == 3 and source.SamplesPerPixel > 1:
        return pixels.mean(axis=2)
    return pixels if pixels.ndim == 2 else None


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

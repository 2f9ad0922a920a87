"""A copy of an X-ray that names nobody, for research.

DICOM: the Basic Application Level Confidentiality Profile (PS3.15 annex E) turned round. Instead of removing
what its table lists, only what is listed here is kept (image, grey levels, geometry, projection, exposure):
private attributes, overlays, comments and whatever nobody thought of are gone with the rest, and of what is
written in words only those of the standard stay (:mod:`ml.algorithms.chest_xray.vocabulary`). Every picture
is decoded and written anew, uncompressed within a DICOM object and as PNG otherwise: whatever its coding had
room for beside the pixels (comments, bytes behind the last block, bits that no pixel uses) is not copied.
What is in the pixels stays: a person has to look, and the warnings of a copy say where it is most needed.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import re
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pydicom
from PIL import Image, ImageOps
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.sequence import Sequence

from ml.algorithms.chest_xray import vocabulary
from ml.algorithms.chest_xray.contract import JPEG_MAGIC, PNG_MAGIC, is_dicom, too_many_pixels
from ml.algorithms.chest_xray.dicom import DEFLATED, GREY, quiet
from ml.algorithms.chest_xray.elements import syntax_of
from ml.algorithms.chest_xray.raster import DEEP_MODES
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
_PLAIN = frozenset({uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian})
"""Transfer syntaxes of uncompressed pixels; copies of all others are of the second."""
# What is decoded is uncompressed, and remains what was lost when it was compressed (PS3.3 C.7.6.1.1.5).
_LOSSY = frozenset({uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless})
# PS3.16 CID 7050: what was done.
_PROFILE = ("113100", "Basic Application Confidentiality Profile")
_CLEAN_DESCRIPTORS = ("113105", "Clean Descriptors Option")
_CHARACTERISTICS = ("113108", "Retain Patient Characteristics Option")
_MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_OLDEST = 89
_COLOURS = 3
# A table that says it has none has these (PS3.3 C.11.1.1.1).
_MOST_ENTRIES = 65_536
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
    """A copy and what has to be said of it.

    Parameters
    ----------
    removed
        How many attributes of a DICOM object are not in its copy; of other pictures nothing but pixels is.
    looked_at
        Where lettering was searched for.
    """

    content: bytes
    suffix: str
    removed: int
    warnings: tuple[Problem, ...]
    looked_at: str = LOOKED_AT


def copy(content: bytes, pseudonym: Pseudonym) -> Copied:
    """Return a copy of an image that names nobody.

    Raises
    ------
    ml.contracts.Refused
        When the image says that text is burnt in, it is none, or it cannot be decoded.
    """
    try:
        if content.startswith((PNG_MAGIC, JPEG_MAGIC)):
            return _raster(content)
        if is_dicom(content):
            with quiet():
                return _dicom(content, pseudonym)
    except Refused:
        raise
    except Exception as error:
        # A decoder of hostile bytes may raise anything; whatever it is, there is nothing to copy.
        raise Refused(NO_IMAGE) from error
    raise Refused(NO_IMAGE)


def _raster(content: bytes) -> Copied:
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as opened:
        _check_size(*opened.size)
        picture = _bare(ImageOps.exif_transpose(opened))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return _copied(stream.getvalue(), ".png", 0, np.asarray(picture.convert("F")))


def _bare(picture: Image.Image) -> Image.Image:
    """Return pixels as they are seen, over black, without palette, transparency or anything said of them."""
    if picture.mode in DEEP_MODES or picture.mode == "L":
        return Image.fromarray(np.asarray(picture))
    backed = Image.new("RGBA", picture.size, "black")
    backed.alpha_composite(picture.convert("RGBA"))
    colours = np.asarray(backed.convert("RGB"))
    grey = colours[:, :, 0]
    return Image.fromarray(grey if (colours == grey[:, :, None]).all() else colours)


def _check_size(width: int, height: int) -> None:
    if too_many_pixels(width, height):
        raise Refused(NO_IMAGE)


def _copied(content: bytes, suffix: str, removed: int, pixels: np.ndarray) -> Copied:
    found = (LETTERING,) if lettered(pixels) else ()
    return Copied(content, suffix, removed, (LOOK, *found))


def _dicom(content: bytes, pseudonym: Pseudonym) -> Copied:
    if syntax_of(content) in ("", *DEFLATED):
        raise Refused(NO_IMAGE)
    source = pydicom.dcmread(io.BytesIO(content))
    if str(source.get("BurnedInAnnotation", "")).upper() == "YES":
        raise Refused(BURNT_IN)
    made = _kept(source, KEPT)
    pixels, syntax = _pixels(source), source.file_meta.TransferSyntaxUID
    written = syntax if syntax in _PLAIN else uid.ExplicitVRLittleEndian
    _put(made, pixels, written)
    if syntax in _LOSSY:
        made.LossyImageCompression = "01"
    for name in UIDS:
        if source.get(name):
            setattr(made, name, pseudonym.uid(str(source.get(name))))
    _person(made, source, pseudonym)
    _said(made, pseudonym)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = written
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.ImplementationClassUID = IMPLEMENTATION
    stream = io.BytesIO()
    # A preamble of zeros: what stood there (another format, a program) is no part of the image.
    made.preamble = bytes(128)
    made.save_as(stream, enforce_file_format=True)
    names = {element.tag for element in source.iterall()} - {element.tag for element in made.iterall()}
    seen = pixels.mean(axis=2) if pixels.ndim > 2 else pixels
    return _copied(stream.getvalue(), ".dcm", len(names), seen)


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
        return _whole_table(_kept(item, vocabulary.ITEMS[keyword]))
    known = vocabulary.code(keyword, item)
    if known is None:
        return None
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = known
    return made


def _whole_table(table: Dataset) -> Dataset:
    """Return a table of grey levels without what stands behind as many entries as it says it has."""
    if "LUTData" in table and "LUTDescriptor" in table:
        entries, data = table.LUTDescriptor[0] or _MOST_ENTRIES, table.LUTData
        table.LUTData = data[: 2 * entries] if isinstance(data, bytes) else list(data)[:entries]
    return table


def _pixels(source: Dataset) -> np.ndarray:
    """Return the pixels of the only frame, shape (rows, columns) or (rows, columns, 3)."""
    _check_size(source.Columns, source.Rows)
    grey = source.SamplesPerPixel == 1 and source.PhotometricInterpretation in GREY
    if int(source.get("NumberOfFrames") or 1) != 1 or not (grey or source.SamplesPerPixel == _COLOURS):
        raise Refused(NO_IMAGE)
    # Floating-point pixels are no radiograph that is analysed, and have room for anything in their last bits.
    if "PixelData" not in source:
        raise Refused(NO_IMAGE)
    return pixel_array(source)


def _put(made: Dataset, pixels: np.ndarray, syntax: uid.UID) -> None:
    """Write pixels uncompressed, with what describes how they are stored."""
    made.BitsAllocated = 8 * pixels.itemsize
    least, most = int(pixels.min()), int(pixels.max())
    signed = pixels.dtype.kind == "i"
    needed = max(most.bit_length(), (~least).bit_length() if least < 0 else 0) + signed
    # A coding may hold larger values than the header around it says.
    made.BitsStored = max(needed, min(made.BitsStored, made.BitsAllocated))
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(signed)
    if pixels.ndim > 2:
        made.PhotometricInterpretation, made.PlanarConfiguration = "RGB", 0
    ordered = pixels.dtype.newbyteorder("<" if syntax.is_little_endian else ">")
    stored = pixels.astype(ordered).tobytes()
    made.add_new("PixelData", "OW" if pixels.itemsize > 1 else "OB", stored + b"\0" * (len(stored) % 2))


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

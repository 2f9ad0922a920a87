"""DICOM: the header's reasons and identity, and pixels as a workstation would display them."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pydicom
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from ml.algorithms.chest_xray import acquisition, elements, frames, pixels, voi
from ml.algorithms.chest_xray.contract import too_many_pixels
from ml.algorithms.chest_xray.display import is_rescaled, to_display
from ml.algorithms.chest_xray.picture import Picture
from ml.algorithms.chest_xray.projection import FRONTAL, Projection, of_header, orientation
from ml.algorithms.chest_xray.raster import FORMAT, size_finding
from ml.algorithms.chest_xray.refusals import ADULT_YEARS, INTENDED_YEARS, refusal, warning
from ml.contracts import Finding, Identity, Problem, Refused, Severity, Text

DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.8.1")
JPEG_SYNTAXES = "1.2.840.10008.1.2.4."
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
RADIOGRAPHY = ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1")
"""CR Image Storage, Digital X-Ray Image Storage for presentation and for processing."""
MODALITIES = ("CR", "DX")
CHEST = ("CHEST", "THORAX", "LUNG", "")
SEXES = ("M", "F", "O")
GREY = ("MONOCHROME1", "MONOCHROME2")
PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
DAYS_PER_YEAR = 365.25
YEARS_PER_UNIT = {"D": 1 / DAYS_PER_YEAR, "W": 7 / DAYS_PER_YEAR, "M": 1 / 12, "Y": 1.0, "": 1.0}

BITS = Text("Bits stored per pixel", "Bits par pixel")
ENCODING = Text("Pixel encoding (transfer syntax)", "Codage des pixels (syntaxe de transfert)")
POLARITY = Text("Stored inverted (MONOCHROME1), shown upright", "Stockée inversée (MONOCHROME1), rétablie")
AGE = Text("Age in the file, years", "Âge dans le fichier, ans")
VIEW_DOUBTFUL = Text(
    "The header names one view and its description another. Check from which side the image was taken.",
    "L’en-tête indique une incidence et sa description une autre. Vérifiez de quel côté l’image a été prise.",
)
NO_AGE = Text(
    "The file gives no age: the model is for children of 1 to 5 years",
    "Le fichier n’indique pas d’âge : le modèle est destiné aux enfants de 1 à 5 ans",
)


def read(path: Path, *, allow_secondary_capture: bool = False, at: datetime | None = None) -> Picture:
    """Decode a DICOM file and gather everything that speaks against scoring it.

    Parameters
    ----------
    path
        A DICOM Part 10 file.
    allow_secondary_capture
        The site's setting: a Secondary Capture object of modality CR or DX is let through.
    at
        The present moment, aware; the clock's when ``None``. No exposure is of after it.

    Returns
    -------
    Picture
        With reasons (secondary capture, modality, view, age, ...) for the gate to report.

    Raises
    ------
    Refused
        When no pixels can be had; carries these reasons too, and the identity as far as read.
    """
    with quiet():
        dataset = _parse(path)
        identity, age, projection = _identity(dataset), age_years(dataset), of_header(dataset)
        reasons = _header_reasons(dataset, age, projection, allow_secondary_capture=allow_secondary_capture)
        obstacles = _obstacles(dataset)
        if obstacles:
            raise Refused(*obstacles, *reasons, identity=identity)
        try:
            stored = pixel_array(dataset)
            if stored.dtype.kind == "f" and not np.abs(stored).max() <= np.finfo(np.float32).max:
                # Pixels stored as floating point may hold anything, NaN and infinity too.
                raise ValueError("pixels beyond what can be shown")
            # The raw bytes are decoded: they need not be held twice.
            for name in PIXEL_ELEMENTS:
                dataset.pop(name, None)
            grey = to_display(stored, dataset)
            numbers = pixels.of_dicom(stored, dataset)
        except Exception as error:
            # Decoders of hostile bytes may raise anything; whatever it is, there is no image.
            raise Refused(refusal("pixels_unreadable"), *reasons, identity=identity) from error
        if not np.isfinite(grey).all():
            raise Refused(refusal("pixels_unreadable"), *reasons, identity=identity)
        return Picture(
            grey=grey,
            numbers=numbers,
            identity=identity,
            reasons=tuple(reasons),
            warnings=tuple(_header_warnings(dataset, age, projection, at)),
            quality=tuple(_findings(dataset, grey, age)),
            age_years=age,
            projection=projection,
            spacing=acquisition.spacing(dataset),
            aspect=acquisition.aspect(dataset),
            orientation=orientation(dataset),
            taken_at=acquisition.taken_at(dataset),
            study=_text(dataset, "StudyInstanceUID"),
            maker=acquisition.maker(dataset),
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from quoting attribute values (a name, a birth date) in warnings and logs."""
    logger = logging.getLogger("pydicom")
    level, mode = logger.level, config.settings.reading_validation_mode
    logger.setLevel(logging.CRITICAL + 1)
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        config.settings.reading_validation_mode = mode


def _parse(path: Path) -> Dataset:
    walked = elements.walk(path.read_bytes())
    if walked.crowded:
        raise Refused(refusal("dicom_crowded", most=elements.MOST_ELEMENTS))
    try:
        # The file meta alone first: dcmread would inflate a deflated data set at once.
        meta = pydicom.filereader.read_file_meta_info(path)
        deflated = meta.get("TransferSyntaxUID", "") in DEFLATED
        dataset = Dataset() if deflated else pydicom.dcmread(path)
        # Elements are parsed when first touched: touch all but the pixels now, where it is guarded.
        for element in dataset.iterall():
            element.VR  # noqa: B018
    except Exception as error:
        # A parser of hostile bytes may raise anything; whatever it is, the file cannot be read.
        raise Refused(refusal("dicom_damaged")) from error
    if deflated:
        raise Refused(refusal("dicom_deflated"))
    if walked.foreign:
        raise Refused(refusal("image_not_alone"), identity=_identity(dataset))
    if walked.cut and walked.pixels:
        raise Refused(refusal("pixels_unreadable"), identity=_identity(dataset))
    if not _has_pixels(dataset) and len(dataset):
        # Cut off, most likely: of the last element only a part may be there, which says something else.
        del dataset[max(dataset.keys())]
    return dataset


def _has_pixels(dataset: Dataset) -> bool:
    return any(name in dataset for name in PIXEL_ELEMENTS)


def _text(dataset: Dataset, keyword: str) -> str:
    """Return a code string in capitals, empty when it is absent or not a single value."""
    value = dataset.get(keyword)
    return str(value).strip().upper() if isinstance(value, str) else ""


def _is_written(dataset: Dataset, keyword: str) -> bool:
    """Whether an element holds anything, readable or not."""
    value = dataset.get(keyword)
    return value is not None and bool(str(value).strip())


def _number(dataset: Dataset, keyword: str) -> int:
    """Return a whole number, 0 when it is absent or unreadable."""
    try:
        return int(dataset.get(keyword) or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _obstacles(dataset: Dataset) -> list[Problem]:
    """What makes decoding impossible or unsafe."""
    if not _has_pixels(dataset):
        return [refusal("no_pixel_data")]
    found = []
    rows, columns = _number(dataset, "Rows"), _number(dataset, "Columns")
    if _number(dataset, "NumberOfFrames") > 1:
        found.append(refusal("multi_frame"))
    if _number(dataset, "SamplesPerPixel") != 1 or _text(dataset, "PhotometricInterpretation") not in GREY:
        found.append(refusal("colour_image"))
    if rows < 2 or columns < 2:
        found.append(refusal("dicom_damaged"))
    if _misplaced(dataset):
        found.append(refusal("high_bit"))
    if is_rescaled(dataset) and not _is_rescale_usable(dataset):
        found.append(refusal("rescale_unusable"))
    large = too_many_pixels(columns, rows)
    if large:
        found.append(large)
    return found or frames.problems(dataset, rows, columns)


def _misplaced(dataset: Dataset) -> bool:
    """Whether the values do not lie in the lowest bits, where alone the decoder looks for them."""
    syntax = dataset.file_meta.get("TransferSyntaxUID", "")
    # A JPEG of any kind says itself where its values are.
    if "HighBit" not in dataset or "BitsStored" not in dataset or str(syntax).startswith(JPEG_SYNTAXES):
        return False
    return _number(dataset, "HighBit") != _number(dataset, "BitsStored") - 1


def _is_rescale_usable(dataset: Dataset) -> bool:
    """Whether the largest value that can be stored still is a number once rescaled, and values differ."""
    try:
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        largest = abs(slope) * 2.0 ** _number(dataset, "BitsAllocated") + abs(intercept)
    except (TypeError, ValueError, OverflowError):
        return False
    return slope != 0 and largest <= float(np.finfo(np.float32).max)


def _header_reasons(
    dataset: Dataset, age: float | None, projection: Projection, *, allow_secondary_capture: bool
) -> list[Problem]:
    found = []
    kind, modality = str(dataset.get("SOPClassUID", "")), _text(dataset, "Modality")
    capture = kind == SECONDARY_CAPTURE or kind.startswith(SECONDARY_CAPTURE + ".")
    if capture and not allow_secondary_capture:
        found.append(refusal("secondary_capture"))
    if modality not in MODALITIES and (modality or _has_pixels(dataset)):
        found.append(refusal("modality"))
    elif modality and not capture and kind not in RADIOGRAPHY:
        found.append(refusal("object_class"))
    if _text(dataset, "PresentationIntentType") == "FOR PROCESSING":
        found.append(refusal("for_processing"))
    if projection.role not in (FRONTAL, ""):
        found.append(refusal("not_frontal"))
    if age is not None and age >= ADULT_YEARS:
        found.append(refusal("adult"))
    return found


def _header_warnings(
    dataset: Dataset, age: float | None, projection: Projection, at: datetime | None
) -> Iterator[Problem]:
    youngest, too_old = INTENDED_YEARS
    if age is not None and age < youngest:
        yield warning("infant")
    if age is not None and too_old <= age < ADULT_YEARS:
        yield warning("older_child")
    if _is_written(dataset, "PatientAge") and _written_age(dataset) is None:
        yield warning("age_unreadable")
    if _is_written(dataset, "PatientBirthDate") and _date(dataset, "PatientBirthDate") is None:
        yield warning("birth_date_unreadable")
    if _is_written(dataset, "PatientSex") and _text(dataset, "PatientSex") not in SEXES:
        yield warning("sex_unreadable")
    if voi.is_window_useless(dataset) and not dataset.get("VOILUTSequence"):
        yield warning("window_unusable")
    if _text(dataset, "BodyPartExamined") not in CHEST:
        yield warning("body_part")
    if _text(dataset, "BurnedInAnnotation") == "YES":
        yield warning("burnt_in_text")
    if acquisition.is_in_future(dataset, at):
        yield warning("taken_in_future")
    if projection.doubtful:
        yield Problem("view_doubtful", VIEW_DOUBTFUL, severity=Severity.WARN)


def _findings(dataset: Dataset, grey: np.ndarray, age: float | None) -> Iterator[Finding]:
    yield Finding("format", FORMAT, value=f"DICOM {_text(dataset, 'Modality')[:2]}")
    yield size_finding(grey)
    yield Finding("bits", BITS, value=str(_number(dataset, "BitsStored")))
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID", ""))
    yield Finding("encoding", ENCODING, value=syntax.name if syntax.is_transfer_syntax else "")
    if _text(dataset, "PhotometricInterpretation") == "MONOCHROME1":
        yield Finding("monochrome1", POLARITY)
    if age is None:
        yield Finding("no_age", NO_AGE, attention=True)
    else:
        yield Finding("age", AGE, value=f"{age:.1f}" if age < 2 else str(int(age)))


def _identity(dataset: Dataset) -> Identity:
    """Read who the file is about; an unreadable part counts as absent."""
    name = dataset.get("PatientName")
    sex = _text(dataset, "PatientSex")
    return Identity(
        family_name=str(getattr(name, "family_name", "") or "").strip(),
        given_name=str(getattr(name, "given_name", "") or "").strip(),
        record_number=str(dataset.get("PatientID") or "").strip(),
        birth_date=_date(dataset, "PatientBirthDate"),
        sex=sex if sex in SEXES else "",
    )


def _date(dataset: Dataset, keyword: str) -> date | None:
    digits = re.fullmatch(r"(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})", _text(dataset, keyword))
    if digits is None:
        return None
    try:
        return date(*(int(part) for part in digits.groups()))
    except ValueError:
        return None


def age_years(dataset: Dataset) -> float | None:
    """Return the age at the study in years, from PatientAge or from birth and study date.

    A PatientAge without its unit, which the standard forbids and converters write, counts as years.
    """
    written = _written_age(dataset)
    if written is not None:
        return written
    born = _date(dataset, "PatientBirthDate")
    taken = next(
        filter(None, (_date(dataset, f"{of}Date") for of in ("Study", "Acquisition", "Content"))), None
    )
    if born is None or taken is None or taken < born:
        return None
    return (taken - born).days / DAYS_PER_YEAR


def _written_age(dataset: Dataset) -> float | None:
    """Return PatientAge in years; ``None`` when there is none or it cannot be read."""
    written = re.fullmatch(r"(\d{1,3})([DWMY]?)", _text(dataset, "PatientAge"))
    return int(written[1]) * YEARS_PER_UNIT[written[2]] if written else None

"""DICOM objects for the tests, made from an image file or an array; every patient is invented."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def dx_from_jpeg(
    source: Path | np.ndarray,
    *,
    name: str = "EXEMPLE^LUCIE",
    record_number: str = "VG-000417",
    birth_date: date | None = date(2022, 3, 14),
    sex: str = "F",
    age: str = "004Y",
    bits: int = 8,
    photometric: str = "MONOCHROME2",
    transfer_syntax: str = ExplicitVRLittleEndian,
    sop_class: str = DX_FOR_PRESENTATION,
    modality: str = "DX",
    view_position: str = "AP",
    study_date: date = date(2026, 5, 2),
) -> Dataset:
    """Make a Digital X-ray object from a grey image.

    Parameters
    ----------
    source
        A JPEG or PNG file, or an array of shape (rows, columns) with grey levels 0–255.
    bits
        8, 12 or 16 bits stored; above 8 a window over the full range is written.
    photometric
        ``MONOCHROME1`` stores the image inverted, as such detectors do.
    transfer_syntax
        Pixels are encoded accordingly (JPEG baseline, JPEG-LS, JPEG 2000, RLE, uncompressed).

    Returns
    -------
    pydicom.dataset.Dataset
        Complete with file meta; write it with :func:`write`.
    """
    grey = _grey(source)
    top = 2**bits - 1
    stored = np.rint(grey.astype(float) * top / 255).astype(np.uint8 if bits == 8 else np.uint16)
    if photometric == "MONOCHROME1":
        stored = top - stored
    dataset = _about(name, record_number, birth_date, sex, age, study_date)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.Modality, dataset.ViewPosition, dataset.BodyPartExamined = modality, view_position, "CHEST"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 if bits == 8 else 16, bits, bits - 1
    dataset.PixelRepresentation = 0
    if bits > 8:
        dataset.WindowCenter, dataset.WindowWidth = (top + 1) / 2, top + 1
    _encode(dataset, stored, transfer_syntax)
    return dataset


def write(dataset: Dataset, path: Path) -> Path:
    """Write an object as a DICOM Part 10 file."""
    dataset.save_as(path, enforce_file_format=True)
    return path


def _grey(source: Path | np.ndarray) -> np.ndarray:
    if isinstance(source, np.ndarray):
        return source
    with Image.open(source) as image:
        return np.asarray(image.convert("L"))


def _about(
    name: str, record_number: str, birth_date: date | None, sex: str, age: str, study_date: date
) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = name, record_number, sex
    dataset.PatientBirthDate = f"{birth_date:%Y%m%d}" if birth_date else ""
    if age:
        dataset.PatientAge = age
    dataset.StudyDate = f"{study_date:%Y%m%d}"
    return dataset


def _encode(dataset: Dataset, stored: np.ndarray, transfer_syntax: str) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelData = stored.tobytes() + b"\0" * (stored.nbytes % 2)
    dataset["PixelData"].VR = "OB" if stored.itemsize == 1 else "OW"
    if transfer_syntax == JPEGBaseline8Bit:
        buffer = io.BytesIO()
        Image.fromarray(stored).save(buffer, "JPEG", quality=95)
        dataset.PixelData = encapsulate([buffer.getvalue()])
        dataset.file_meta.TransferSyntaxUID = transfer_syntax
    elif transfer_syntax != ExplicitVRLittleEndian:
        dataset.compress(transfer_syntax, generate_instance_uid=False)

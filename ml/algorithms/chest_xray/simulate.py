"""Drawn chest X-rays for trying the product without a patient: plausible to a screen, nothing of anybody.

Ellipses, arcs and noise where lungs, heart, ribs and spine belong. The gate takes the frontal drawing for a
chest; a score on it says that the pieces fit together, nothing of patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from ml.contracts import Identity

HEIGHT, WIDTH = 1000, 1240
DX_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
TOP = 4095
"""Largest value of 12 bits."""
SPACING_MM = 0.2
DRAWN_HEIGHT, DRAWN_WIDTH = HEIGHT // 4, WIDTH // 4
MARK = "INVENTED / FICTIF"
FRONTAL, LATERAL = "frontal", "lateral"
VIEWS = {FRONTAL: ("AP", ["L", "F"]), LATERAL: ("LL", ["P", "F"])}
_DIAPHRAGM = 0.70


@dataclass(frozen=True)
class _Field:
    """Coordinates of a drawing: ``u`` across from the middle, ``y`` down, both in sides of the image."""

    u: np.ndarray
    y: np.ndarray


def film(view: str = FRONTAL, *, seed: int = 0, opacity: float = 0.0) -> np.ndarray:
    """Draw a chest X-ray.

    Parameters
    ----------
    view
        ``"frontal"`` or ``"lateral"``.
    seed
        The same seed gives the same drawing.
    opacity
        Strength, 0 to 1, of a shadow in the right lower zone.

    Returns
    -------
    ndarray of uint8, shape (1000, 1240)
        Grey levels, white bright; the word "invented" in a lower corner.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : DRAWN_HEIGHT * 1j, 0 : 1 : DRAWN_WIDTH * 1j]
    at = _Field(u=x - 0.5, y=y)
    drawn = _frontal(at, rng, opacity) if view == FRONTAL else _lateral(at, rng)
    drawn *= 1 - 0.27 * (at.u / 0.5) ** 2
    soft = Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    large = soft.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    grainy = np.asarray(large) + rng.normal(0, 3, (HEIGHT, WIDTH))
    marked = Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8))
    ImageDraw.Draw(marked).text(
        (24, HEIGHT - 44), MARK, fill=255, font_size=24, stroke_width=2, stroke_fill=0
    )
    return np.asarray(marked)


def write_film(
    path: Path,
    *,
    identity: Identity,
    taken_at: datetime,
    view: str = FRONTAL,
    seed: int = 0,
    opacity: float = 0.0,
    study: str = "",
) -> str:
    """Write a drawn film as a DICOM DX object of 12 bits with two windows.

    Parameters
    ----------
    identity
        Whom the header names.
    study
        StudyInstanceUID; a new one when empty.

    Returns
    -------
    str
        The StudyInstanceUID, for a further image of the same examination.
    """
    grey = film(view, seed=seed, opacity=opacity)
    dataset = _header(identity, taken_at)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study or generate_uid(), generate_uid()
    dataset.ViewPosition, dataset.PatientOrientation = VIEWS[view]
    stored = np.rint(grey.astype(np.float32) * (TOP / 255)).astype("<u2")
    dataset.Rows, dataset.Columns = stored.shape
    dataset.WindowCenter, dataset.WindowWidth = [2048, 1500], [4096, 2000]
    dataset.WindowCenterWidthExplanation = ["NORMAL", "LUNG"]
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path, enforce_file_format=True)
    return str(dataset.StudyInstanceUID)


def _header(identity: Identity, taken_at: datetime) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = DX_FOR_PRESENTATION, generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.PatientName = f"{identity.family_name}^{identity.given_name}"
    dataset.PatientID, dataset.PatientSex = identity.record_number, identity.sex
    dataset.PatientBirthDate = f"{identity.birth_date:%Y%m%d}" if identity.birth_date else ""
    dataset.StudyDate = dataset.AcquisitionDate = f"{taken_at:%Y%m%d}"
    dataset.StudyTime = dataset.AcquisitionTime = f"{taken_at:%H%M%S}"
    dataset.Modality, dataset.BodyPartExamined = "DX", "CHEST"
    dataset.Manufacturer, dataset.PresentationIntentType = "INVENTED", "FOR PRESENTATION"
    dataset.ImagerPixelSpacing = [SPACING_MM, SPACING_MM]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    return dataset


def _frontal(at: _Field, rng: np.random.Generator, opacity: float) -> np.ndarray:
    across, y = np.abs(at.u), at.y
    shoulders = _step((y - 0.017 - 0.34 * across) * 27)
    trunk = _step((0.46 + 0.026 * np.clip(y - 0.5, 0, 1) - across) * 36) * shoulders
    body = np.maximum(trunk, _step((0.114 - across) * 60))
    lungs = np.maximum(_lung(at, -1), _lung(at, 1))
    heart = _step((1 - ((at.u - 0.058) / 0.159) ** 2 - ((y - 0.612) / 0.146) ** 2) * 7)
    middle = _step((0.073 + 0.03 * np.clip(y - 0.3, 0, 1) - across) * 45) * _step((y - 0.05) * 30)
    shadow = opacity * _step((1 - ((at.u + 0.17) / 0.085) ** 2 - ((y - 0.55) / 0.10) ** 2) * 3)
    air = lungs * (1 - 0.87 * np.maximum(heart, middle)) * (1 - 0.8 * shadow)
    drawn = 13 + 204 * body - 109 * air
    drawn += 16 * np.exp(-((at.u / 0.035) ** 2)) * (0.7 + 0.3 * np.cos(28 * np.pi * y)) * body
    drawn -= 23 * np.exp(-(((at.u - 0.005) / 0.018) ** 2)) * _step((0.3 - y) * 25)
    drawn += _bones(at) * body
    hilum = np.exp(-(((across - 0.10) / 0.09) ** 2) - ((y - 0.45) / 0.2) ** 2)
    drawn += 14 * hilum * lungs + 8 * _step((y - _DIAPHRAGM - 0.02) * 14) * body
    return drawn + 4 * _grain(rng, 40) * body + 7.5 * _grain(rng, 160) * lungs * (0.3 + hilum)


def _lung(at: _Field, side: int) -> np.ndarray:
    across = (at.u - side * (0.185 - 0.087 * (0.45 - at.y))) / 0.144
    down = at.y - 0.446
    outline = 1 - across**2 - np.where(down < 0, (down / 0.424) ** 2, (down / 0.597) ** 2)
    floor = _DIAPHRAGM + (0.02 if side > 0 else 0) + 0.07 * across**2
    return _step(outline * 8.6) * _step((floor - at.y) * 50)


def _bones(at: _Field) -> np.ndarray:
    """Ribs behind and in front, and the collar bones."""
    across = np.abs(at.u)
    outer, inner = _step((0.40 - across) * 40), _step((across - 0.03) * 60)
    drawn = np.zeros_like(at.u)
    for rib in range(9):
        behind = 0.10 + 0.085 * rib + 0.43 * (across - 0.05) - 0.81 * (across - 0.2) ** 2
        drawn += 14 * np.exp(-(((at.y - behind) / 0.011) ** 2)) * inner * outer
        front = 0.22 + 0.085 * rib + 0.42 * (0.38 - across)
        drawn += 7 * np.exp(-(((at.y - front) / 0.012) ** 2)) * _step((across - 0.12) * 60) * outer
    collar = 0.17 - 0.12 * (across - 0.05) + 0.25 * (across - 0.2) ** 2
    return drawn + 22 * np.exp(-(((at.y - collar) / 0.012) ** 2)) * inner * _step((0.36 - across) * 30)


def _lateral(at: _Field, rng: np.random.Generator) -> np.ndarray:
    u, y = at.u, at.y
    body = _step((0.30 + 0.06 * y - np.abs(u)) * 36) * _step((y - 0.02) * 27)
    lungs = _step((1 - ((u + 0.02) / 0.22) ** 2 - ((y - 0.42) / 0.38) ** 2) * 8)
    lungs *= _step((0.74 + 0.5 * (u + 0.02) ** 2 - 0.12 * u - y) * 50)
    heart = _step((1 - ((u + 0.10) / 0.12) ** 2 - ((y - 0.58) / 0.14) ** 2) * 7)
    bones = 26 * np.exp(-(((u - 0.20) / 0.035) ** 2)) * (0.7 + 0.3 * np.cos(28 * np.pi * y))
    for rib in range(9):
        bones += 10 * np.exp(-(((y - 0.14 - 0.08 * rib - 0.5 * (0.2 - u)) / 0.012) ** 2))
    drawn = 13 + 190 * body - 100 * lungs * (1 - 0.8 * heart) + bones * body
    return drawn + 4 * _grain(rng, 40) * body + 5 * _grain(rng, 160) * lungs


def _grain(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Return noise of standard deviation 1 in so many soft cells on the height."""
    coarse = rng.normal(0, 1, (cells, round(cells * WIDTH / HEIGHT))).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((DRAWN_WIDTH, DRAWN_HEIGHT), Image.Resampling.BICUBIC))


def _step(edge: np.ndarray) -> np.ndarray:
    """Return a soft edge: 0 where negative, 1 where positive."""
    return 1 / (1 + np.exp(-np.clip(edge, -50, 50)))

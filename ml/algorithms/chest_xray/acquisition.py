"""When an image was taken and how large its pixels are, by its header."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

SPACING_MM = (0.01, 5.0)
"""Pixel sizes that a radiograph can have; anything else is a slip of the exporting program."""
SAME = 1e-3
"""Relative difference below which two spacings are one."""
PATIENT, DETECTOR = "patient", "detector"
MOMENTS = (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"), ("StudyDate", "StudyTime"))
MAKERS = (
    "agfa", "canon", "carestream", "fuji", "ge", "hologic", "kodak", "konica", "philips", "samsung",
    "shimadzu", "siemens", "toshiba",
)  # fmt: skip
"""Makers told apart, by how their name begins in the header; free text of a header is never kept."""
NO_MAKER, OTHER_MAKER = "none", "other"


def spacing(dataset: Dataset) -> dict[str, Any] | None:
    """Return the size of a pixel and in which plane it holds; ``None`` when the file does not say.

    PixelSpacing is that in the patient when it was calibrated: a calibration is named, or it differs from
    the ImagerPixelSpacing of the detector (PS3.3 10.7.1.3). Alone and without a calibration it may be
    either; it is taken for the detector's, where lengths are too long and not too short.

    Returns
    -------
    dict or None
        ``row`` and ``column`` (mm from one row, one column to the next), ``plane`` (``"patient"`` or
        ``"detector"``), ``calibration`` (``"GEOMETRY"``, ``"FIDUCIAL"`` or empty).
    """
    calibrated, imager = _pair(dataset, "PixelSpacing"), _pair(dataset, "ImagerPixelSpacing")
    kind = str(dataset.get("PixelSpacingCalibrationType") or "").strip().upper()
    kind = kind if kind in ("GEOMETRY", "FIDUCIAL") else ""
    differs = bool(calibrated and imager) and any(
        not math.isclose(one, other, rel_tol=SAME) for one, other in zip(calibrated, imager, strict=True)
    )
    found = calibrated or imager
    if found is None:
        return None
    plane = PATIENT if calibrated and (kind or differs) else DETECTOR
    return {
        "row": found[0],
        "column": found[1],
        "plane": plane,
        "calibration": kind if plane == PATIENT else "",
    }


def aspect(dataset: Dataset) -> float:
    """Return the height of a pixel divided by its width, 1 where the file does not say."""
    found = spacing(dataset)
    if found:
        return found["row"] / found["column"]
    ratio = _numbers(dataset, "PixelAspectRatio")
    return ratio[0] / ratio[1] if len(ratio) == 2 and 0.1 < ratio[0] / max(ratio[1], 1e-9) < 10 else 1.0


def taken_at(dataset: Dataset) -> str:
    """Return the moment of the exposure in ISO form, local time of the device; the day alone, or empty."""
    whole = re.match(r"(\d{8})(\d{2,6})", str(dataset.get("AcquisitionDateTime") or ""))
    if whole and (moment := _iso(whole[1], whole[2])):
        return moment
    written = (
        (str(dataset.get(day) or ""), re.sub(r"\D.*", "", str(dataset.get(hour) or "")))
        for day, hour in MOMENTS
    )
    return next((moment for day, hour in written if (moment := _iso(day, hour))), "")


def is_in_future(dataset: Dataset, at: datetime | None = None) -> bool:
    """Return whether the exposure is dated later than the day of ``at``, wherever on Earth the device stands.

    Parameters
    ----------
    at
        The present moment, aware; the clock's when ``None``.
    """
    tomorrow = (at or datetime.now(UTC)).astimezone(UTC).date() + timedelta(days=1)
    return taken_at(dataset)[:10] > tomorrow.isoformat()


def _iso(day: str, hour: str) -> str:
    digits = re.sub(r"[.\-]", "", day.strip())
    try:
        found = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return ""
    try:
        parts = [int(hour[at : at + 2]) for at in range(0, min(len(hour), 6), 2)]
        return datetime.combine(found, time(*parts)).isoformat() if parts else found.isoformat()
    except ValueError:
        return found.isoformat()


def _pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    low, high = SPACING_MM
    found = _numbers(dataset, keyword)
    return (found[0], found[1]) if len(found) == 2 and all(low <= size <= high for size in found) else None


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the values of an element, none when one of them is no number."""
    value = dataset.get(keyword)
    try:
        return [float(part) for part in value] if isinstance(value, MultiValue) else []
    except (TypeError, ValueError):
        return []


def maker(dataset: Dataset) -> str:
    """Return who made the device, as one of :data:`MAKERS`, ``"other"``, or ``"none"`` without a name."""
    written = str(dataset.get("Manufacturer") or "").strip().lower()
    if not written:
        return NO_MAKER
    return next((name for name in MAKERS if written.startswith(name)), OTHER_MAKER)

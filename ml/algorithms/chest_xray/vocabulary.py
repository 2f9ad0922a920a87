"""Which words of a DICOM header are the standard's own; anything else in such an element is somebody's text.

PS3.3 C.7 and C.8.11, PS3.16 CID 4010 and 4009. Of codes only those listed are kept,
with the meaning written here.
"""

from __future__ import annotations

import re

from pydicom.dataset import Dataset

from ml.algorithms.chest_xray.projection import CODES

WORDS = {
    "Modality": {"CR", "DX", "RG", "XA", "RF", "OT"},
    "ImageType": {"ORIGINAL", "DERIVED", "PRIMARY", "SECONDARY"},
    "PresentationIntentType": {"FOR PRESENTATION", "FOR PROCESSING"},
    "ConversionType": {"DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"},
    "BodyPartExamined": {
        "CHEST", "THORAX", "LUNG", "ABDOMEN", "CHESTABDOMEN", "RIB", "STERNUM", "HEART", "SPINE", "TSPINE",
        "CLAVICLE", "SHOULDER", "NECK", "SKULL", "HEAD", "PELVIS", "HIP", "HAND", "FOOT", "KNEE", "WHOLEBODY",
    },
    "ViewPosition": {"AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAT", "LATERAL"},
    "PatientOrientation": {a + b for a in "APRLHF" for b in ("", *"APRLHF")},
    "Laterality": {"R", "L", "U", "B"},
    "ImageLaterality": {"R", "L", "U", "B"},
    "DetectorType": {"DIRECT", "SCINTILLATOR", "STORAGE", "FILM"},
    "PositionerType": {"CARM", "COLUMN", "RIGID", "NONE"},
    "PhotometricInterpretation": {
        "MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT",
    },
    "PixelSpacingCalibrationType": {"GEOMETRY", "FIDUCIAL"},
    "RescaleType": {"US", "OD", "HU", "HGML", "PCT"},
    "ModalityLUTType": {"US", "OD", "HU", "HGML", "PCT"},
    "VOILUTFunction": {"LINEAR", "LINEAR_EXACT", "SIGMOID"},
    "PresentationLUTShape": {"IDENTITY", "INVERSE"},
    "PixelIntensityRelationship": {"LIN", "LOG", "DISP"},
    "LossyImageCompression": {"00", "01"},
    "LossyImageCompressionMethod": {
        "ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_2", "ISO_15444_15",
    },
    "BurnedInAnnotation": {"YES", "NO"},
}  # fmt: skip
TABLES = frozenset({"LUTDescriptor", "LUTData", "ModalityLUTType"})
ITEMS = {"VOILUTSequence": TABLES, "ModalityLUTSequence": TABLES}
"""What an item of these sequences may hold; other sequences hold codes."""
_SCHEMES = frozenset({"SCT", "SRT", "SNM3", "99SDM"})
_VIEWS = {
    ("frontal", "AP"): "antero-posterior", ("frontal", "PA"): "postero-anterior", ("frontal", ""): "frontal",
    ("lateral", "LL"): "left lateral", ("lateral", "RL"): "right lateral", ("lateral", ""): "lateral",
}  # fmt: skip
_REGIONS = {"51185008": "Chest", "T-D3000": "Chest", "39607008": "Lung", "T-28000": "Lung"}
CODED = {
    "ViewCodeSequence": {code: _VIEWS.get(seen, "projection") for code, seen in CODES.items()},
    "AnatomicRegionSequence": _REGIONS,
}
_UID = re.compile(r"1\.2\.840\.10008\.[0-9.]{1,50}")
_FREE = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT", "UN", "UR", "AE", "AS", "DA", "DT", "TM"})
# A record number would fit into the number of an image or a series.
_COUNTED = {"InstanceNumber", "SeriesNumber", "NumberOfFrames"}


def allowed(keyword: str, representation: str, values: list[object]) -> list[object] | None:
    """Return the values of an element that say nothing of anybody, ``None`` where it has to go.

    Parameters
    ----------
    keyword, representation
        Which element it is, and its VR.
    values
        All of its values.
    """
    if keyword in WORDS:
        known = [value for value in values if str(value).strip() in WORDS[keyword]]
        # An image's type goes on in its maker's words; elsewhere the place of a value counts.
        return known if known and (keyword == "ImageType" or len(known) == len(values)) else None
    if keyword in _COUNTED:
        return values if all(re.fullmatch(r"\s*\d{1,4}\s*", str(value)) for value in values) else None
    if representation == "UI":
        return values if all(_UID.fullmatch(str(value)) for value in values) else None
    return None if representation in _FREE or representation == "CS" else values


def code(keyword: str, item: Dataset) -> tuple[str, str, str] | None:
    """Return value, scheme and meaning of a code that is known, ``None`` of any other."""
    value, scheme = (
        str(item.get("CodeValue", "")).strip(),
        str(item.get("CodingSchemeDesignator", "")).strip(),
    )
    meaning = CODED.get(keyword, {}).get(value)
    return (value, scheme, meaning) if meaning and scheme in _SCHEMES else None

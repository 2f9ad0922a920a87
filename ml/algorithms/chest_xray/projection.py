"""From which side an image was taken, by its header: position, code, orientation, at last description.

Lateral films can be recognised by their header only: none was at hand to learn their appearance from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

FRONTAL, LATERAL, OTHER = "frontal", "lateral", "other"

POSITIONS = {
    "AP": (FRONTAL, "AP"),
    "PA": (FRONTAL, "PA"),
    "LL": (LATERAL, "LL"),
    "RL": (LATERAL, "RL"),
    "LLAT": (LATERAL, "LL"),
    "RLAT": (LATERAL, "RL"),
    "LAT": (LATERAL, ""),
    "LATERAL": (LATERAL, ""),
}
"""Defined terms of ViewPosition (PS3.3 C.8.7.1.1.1), and what some devices write instead."""
CODES = {
    "399348003": (FRONTAL, "AP"),
    "R-10206": (FRONTAL, "AP"),
    "272479007": (FRONTAL, "PA"),
    "R-10214": (FRONTAL, "PA"),
    "R-40888": (FRONTAL, "PA"),
    "399033003": (FRONTAL, ""),
    "R-10202": (FRONTAL, ""),
    "399173006": (LATERAL, "LL"),
    "R-10236": (LATERAL, "LL"),
    "399198007": (LATERAL, "RL"),
    "R-10232": (LATERAL, "RL"),
    "399067008": (LATERAL, ""),
    "R-102CD": (LATERAL, ""),
}
"""Of ViewCodeSequence: SNOMED CT and the older SNOMED RT code of the same concept (PS3.16 CID 4010)."""
WORDS = {
    FRONTAL: re.compile(r"(?<![A-Z])(AP|PA|FRONTAL|FACE)(?![A-Z])"),
    LATERAL: re.compile(r"(?<![A-Z])(LAT|LATERAL|PROFIL|LL|RL)(?![A-Z])"),
}


@dataclass(frozen=True, slots=True)
class Projection:
    """How an image was projected.

    Parameters
    ----------
    role
        ``"frontal"``, ``"lateral"``, ``"other"``, or empty when the header does not say.
    view
        ``"AP"``, ``"PA"``, ``"LL"``, ``"RL"`` or empty.
    doubtful
        Whether the description names another side than the attribute it was read from.
    """

    role: str = ""
    view: str = ""
    doubtful: bool = False


def of_header(dataset: Dataset) -> Projection:
    """Read the projection from what the header says most exactly."""
    described = _described(dataset)
    position = dataset.get("ViewPosition")
    said = position.strip().upper() if isinstance(position, str) else ""
    found = POSITIONS.get(said, (OTHER, "")) if said else _coded(dataset) or _oriented(dataset)
    if found is None:
        return Projection(described)
    return Projection(*found, doubtful=bool(described) and described != found[0])


def _coded(dataset: Dataset) -> tuple[str, str] | None:
    sequence = dataset.get("ViewCodeSequence")
    return CODES.get(str(sequence[0].get("CodeValue", "")).strip().upper(), (OTHER, "")) if sequence else None


def orientation(dataset: Dataset) -> tuple[str, str] | None:
    """Return towards which side of the body a row and a column run (PatientOrientation, PS3.3 C.7.6.1.1.1).

    Returns
    -------
    tuple of str or None
        Letters among A, P, R, L, H, F, the main one first: ``("L", "F")`` for an upright frontal image.
    """
    value = dataset.get("PatientOrientation")
    ways = [str(way).strip().upper() for way in value] if isinstance(value, MultiValue) else []
    if len(ways) != 2 or not all(re.fullmatch(r"[APRLHF]{1,3}", way) for way in ways):
        return None
    return ways[0], ways[1]


def _oriented(dataset: Dataset) -> tuple[str, str] | None:
    axes = {way[0] for way in orientation(dataset) or ()}
    if not axes & {"H", "F"}:
        return None
    if axes & {"L", "R"}:
        return FRONTAL, ""
    return (LATERAL, "") if axes & {"A", "P"} else None


def _described(dataset: Dataset) -> str:
    """Return the role that the description of the series names; empty for none and for both."""
    words = str(dataset.get("SeriesDescription") or "").upper()
    named = [role for role, pattern in WORDS.items() if pattern.search(words)]
    return named[0] if len(named) == 1 else ""

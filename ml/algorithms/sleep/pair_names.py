"""What the names of recordings and hypnograms say: who belongs together, and who the patient is."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from ml.training.data import DataMissing

PATIENTS = "patients.csv"
HYPNOGRAM = re.compile(r"[_.-]?(hypnogram\w*|hypno|stages|staging|scoring|scores|annotations)$", re.I)
_SUFFIX = re.compile(r"[_.-]?(night|psg|signals|recording|raw)$", re.I)
SLEEP_EDF = re.compile(r"(SC4|ST7)(\d\d)\d", re.I)


def stem(path: Path) -> str:
    """Return what a recording and its hypnogram share of their names."""
    return _SUFFIX.sub("", HYPNOGRAM.sub("", path.stem))


def patient_of(name: str) -> str:
    """Return the patient of a recording by its name: Sleep-EDF numbers two nights of each."""
    if match := SLEEP_EDF.match(name):
        return f"{match[1]}{match[2]}".upper()
    return name


def patients_of(folder: Path) -> dict[str, str]:
    """Read the folder's ``patients.csv``: the patient by the recording's name, empty without the file.

    Raises
    ------
    DataMissing
        When a column or a value of it is missing.
    """
    path = folder / PATIENTS
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if any(not row.get(column) for row in rows for column in ("recording", "patient")):
        hint = f"{PATIENTS} is there, but it needs the heading recording,patient and both in every row."
        raise DataMissing(folder, (PATIENTS,), hint=hint)
    return {stem(Path(row["recording"])): row["patient"] for row in rows}

"""Invented tables in the shape of the public ones, so that a training can be tried without them."""

from __future__ import annotations

import csv
import gzip
import random
from pathlib import Path

from ml.algorithms.accident_severity import fields as crash
from ml.algorithms.german_credit import fields as credit
from ml.contracts import Field, FieldKind


def credits(folder: Path, n: int = 160) -> Path:
    """Write an invented credit table where the training looks for the public one; return the data folder."""
    draw = random.Random(1)
    rows = []
    for _ in range(n):
        row = {field.name: _value(field, draw) for field in credit.FIELDS}
        worse = (row["status"] == "a11") + (float(row["duration"]) > 60)
        rows.append(row | {"creditability": "bad" if draw.random() < 0.15 + 0.35 * worse else "good"})
    return _write(folder, "german_credit.csv.gz", rows)


def crashes(folder: Path, n: int = 400) -> Path:
    """Write an invented crash table where the training looks for the public one; return the data folder."""
    draw = random.Random(2)
    column = {name: key.upper() for key, name in crash.COLUMNS.items()}
    rows = []
    for _ in range(n):
        row = {column.get(f.name, f.name.upper()): _value(f, draw) for f in crash.FIELDS}
        grave = row["FIRST_CRASH_TYPE"] in ("pedestrian", "cyclist", "head_on")
        rows.append(row | {"INJURIES_TOTAL": str(int(draw.random() < 0.15 + 0.5 * grave)), "DAMAGE": "x"})
    return _write(folder, "chicago_crashes_june_2019.csv.gz", rows)


def _value(field: Field, draw: random.Random) -> str:
    if field.kind is FieldKind.CHOICE:
        return draw.choice(field.choices).code
    low, high = field.minimum or 0, field.warn_above or field.maximum or 1
    if field.kind is FieldKind.INTEGER:
        return str(draw.randint(int(low), int(high)))
    return f"{draw.uniform(low, high):.3f}"


def _write(folder: Path, name: str, rows: list[dict[str, str]]) -> Path:
    (folder / "tabular").mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "tabular" / name, "wt", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return folder

"""What is in the data set: formats, sizes, classes, patients, duplicates, splits."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray import dataset
from ml.training.progress import progress

HASH_SIDE = 16
NEAR_BITS = 6
"""Of 240 bits: pairs that differ in at most so many are near duplicates."""


def describe(data: Path) -> dict[str, Any]:
    """Analyse the labelled images.

    Returns
    -------
    dict
        ``images``, ``formats``, ``sizes``, ``classes`` and ``patients`` per split,
        ``images_per_patient``, ``patients_in_several_splits``, ``numbers_in_several_splits`` (the
        number alone, whatever the etiology: the stricter reading of who is the same child),
        ``exact_duplicates`` (same pixels) and ``near_duplicates`` (difference hash), each with how
        many cross splits and classes.

    Raises
    ------
    ml.training.data.DataMissing
        When the data set is not there.
    """
    rows = dataset.rows(data)
    folder = data / dataset.KERMANY
    files = [_file(folder / row["path"]) for row in progress(rows, "reading images", unit="image")]
    by_patient = _splits_by(rows, dataset.patient)
    return {
        "images": len(rows),
        "formats": _counts(f"{form} {mode}" for form, mode, _, _, _ in files),
        "sizes": _counts(f"{width}x{height}" for _, _, (width, height), _, _ in files),
        "classes": _counts(f"{row['split']} {row['label']} {row['etiology']}".strip() for row in rows),
        "patients": _counts(split for splits in by_patient.values() for split in splits),
        "images_per_patient": _spread(Counter(dataset.patient(row) for row in rows)),
        "patients_in_several_splits": sum(len(splits) > 1 for splits in by_patient.values()),
        "numbers_in_several_splits": sum(
            len(splits) > 1 for splits in _splits_by(rows, lambda row: row["patient_id"]).values()
        ),
        "exact_duplicates": _duplicates(rows, [digest for *_, digest, _ in files]),
        "near_duplicates": _near_duplicates(rows, np.stack([bits for *_, bits in files])),
    }


def _file(path: Path) -> tuple[str, str, tuple[int, int], str, np.ndarray]:
    """Return format, mode, size, hash of the pixels and difference hash of an image."""
    with Image.open(path) as image:
        form, mode, size = str(image.format), image.mode, image.size
        grey = image.convert("L")
    digest = hashlib.sha256(grey.tobytes()).hexdigest()
    small = np.asarray(grey.resize((HASH_SIDE, HASH_SIDE), Image.Resampling.BOX), dtype=np.int16)
    return form, mode, size, digest, (small[:, 1:] > small[:, :-1]).ravel()


def _counts(items: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(items).items()))


def _splits_by(rows: list[dict[str, str]], key: Any) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[key(row)].add(row["split"])
    return found


def _spread(counts: Counter[str]) -> dict[str, float]:
    values = np.array(list(counts.values()))
    return {"patients": len(values), "median": float(np.median(values)), "most": int(values.max())}


def _duplicates(rows: list[dict[str, str]], digests: list[str]) -> dict[str, int]:
    same: dict[str, list[int]] = defaultdict(list)
    for index, digest in enumerate(digests):
        same[digest].append(index)
    pairs = [(group[0], other) for group in same.values() for other in group[1:]]
    return _crossing(rows, pairs)


def _near_duplicates(rows: list[dict[str, str]], bits: np.ndarray) -> dict[str, int]:
    signed = np.where(bits, 1.0, -1.0).astype(np.float32)
    closest = bits.shape[1] - 2 * NEAR_BITS
    first, second = np.nonzero(np.triu(signed @ signed.T >= closest, k=1))
    return _crossing(rows, list(zip(first.tolist(), second.tolist(), strict=True)))


def _crossing(rows: list[dict[str, str]], pairs: list[tuple[int, int]]) -> dict[str, int]:
    def differ(key: Any) -> int:
        return sum(key(rows[a]) != key(rows[b]) for a, b in pairs)

    return {
        "pairs": len(pairs),
        "across_patients": differ(dataset.patient),
        "across_splits": differ(lambda row: row["split"]),
        "across_classes": differ(lambda row: row["label"]),
    }

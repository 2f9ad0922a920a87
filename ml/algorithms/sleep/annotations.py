"""Hypnograms stored as EDF+ annotations, for training and for checking."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ml.algorithms.sleep.bandpower import IGNORED
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.algorithms.sleep.edf_header import damaged
from ml.algorithms.sleep.reader import read_header
from ml.contracts import Refused, Text

_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14((?:[^\x14\x00]*\x14)*)\x00")
_LEGACY = {"1": "N1", "2": "N2", "3": "N3", "4": "N3", "REM": "R"}
_PREFIX = "sleep stage "


def read_hypnogram(path: Path) -> np.ndarray:
    """Read the stages of an EDF+ hypnogram.

    ``Sleep stage W/N1/N2/N3/R``, and the older 1–4 with 3 and 4 as N3; everything else
    (``Movement time``, ``Sleep stage ?``, gaps) is unscored.

    Returns
    -------
    ndarray of int, shape (epochs,)
        0..4 for W, N1, N2, N3, R per 30 s epoch from the start, -100 where unscored.

    Raises
    ------
    Refused
        When the file is no EDF+ with annotations of stages.
    """
    scored = [
        (start, length, stage) for start, length, text in _read(path) if (stage := _stage(text)) is not None
    ]
    if not scored:
        raise Refused(damaged(Text("it holds no sleep stages", "il ne contient aucun stade de sommeil")))
    epochs = max(round((start + length) / EPOCH_SECONDS) for start, length, _ in scored)
    stages = np.full(epochs, IGNORED)
    for start, length, stage in scored:
        stages[round(start / EPOCH_SECONDS) : round((start + length) / EPOCH_SECONDS)] = stage
    return stages


def _read(path: Path) -> list[tuple[float, float, str]]:
    """All annotations as (seconds from start, seconds long, text)."""
    header, signals = read_header(path)
    at = np.concatenate([[0], np.cumsum([2 * s.samples for s in signals])])
    body = path.read_bytes()[header.header_bytes :]
    texts = []
    for record in range(header.n_records):
        for i, signal in enumerate(signals):
            if signal.annotations:
                start = record * int(at[-1])
                texts += _TAL.findall(body[start + at[i] : start + at[i + 1]])
    return [
        (float(start), float(length or 0), text.decode("utf-8", "replace").strip())
        for start, length, joined in texts
        for text in joined.split(b"\x14")
        if text
    ]


def _stage(text: str) -> int | None:
    if not text.casefold().startswith(_PREFIX):
        return None
    name = text[len(_PREFIX) :].strip().upper()
    name = _LEGACY.get(name, name)
    return STAGES.index(name) if name in STAGES else None

"""Hypnograms stored as EDF+ annotations, for training and for checking."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.algorithms.sleep import tals
from ml.algorithms.sleep.bandpower import IGNORED
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.algorithms.sleep.edf_header import damaged
from ml.algorithms.sleep.reader import read_header
from ml.algorithms.sleep.tals import Note
from ml.contracts import Refused, Text

_OFF = re.compile(r"lights? (off|out)|lumi[eè]res? [eé]teinte|extinction", re.IGNORECASE)
_ON = re.compile(r"lights? on\b|lumi[eè]res? allum[eé]e|rallumage|allumage", re.IGNORECASE)
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
        # Some programs write no length: the stage is then that of one epoch.
        (note.onset, note.duration or EPOCH_SECONDS, stage)
        for note in _read(path)
        if (stage := _stage(note.text)) is not None
    ]
    if not scored:
        raise Refused(damaged(Text("it holds no sleep stages", "il ne contient aucun stade de sommeil")))
    epochs = max(round((start + length) / EPOCH_SECONDS) for start, length, _ in scored)
    stages = np.full(epochs, IGNORED)
    for start, length, stage in scored:
        stages[round(start / EPOCH_SECONDS) : round((start + length) / EPOCH_SECONDS)] = stage
    return stages


def lights(notes: Sequence[Note], clock: float | None, seconds: float) -> tuple[float | None, float | None]:
    """Find when the lights went off and on.

    Parameters
    ----------
    notes
        From :func:`ml.algorithms.sleep.tals.read`.
    clock
        Time that the file gives its first record.
    seconds
        Length of the recording; what is said of a time outside it is passed over.

    Returns
    -------
    off, on
        Seconds from the start of the recording: the first "lights off", and the last "lights on" after it;
        ``None`` where there is none.
    """
    told = [(note.onset - (clock or 0.0), note.text) for note in notes]
    inside = [(at, text) for at, text in told if 0 <= at <= seconds]
    off = min((at for at, text in inside if _OFF.search(text)), default=None)
    on = max(
        (at for at, text in inside if _ON.search(text) and (off is None or at > off)),
        default=None,
    )
    return off, on


def _read(path: Path) -> list[Note]:
    header, signals = read_header(path)
    with path.open("rb") as stream:
        return tals.read(stream, header, signals)[1]


def _stage(text: str) -> int | None:
    if not text.casefold().startswith(_PREFIX):
        return None
    name = text[len(_PREFIX) :].strip().upper()
    name = _LEGACY.get(name, name)
    return STAGES.index(name) if name in STAGES else None

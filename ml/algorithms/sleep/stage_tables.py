"""Hypnograms written as text: one stage per line, or a table of epochs or of events (CSV, tab, semicolon)."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from ml.algorithms.sleep.bandpower import IGNORED
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.contracts import Problem, Refused, Text

_WORDS = {
    "W": "W", "WAKE": "W", "AWAKE": "W", "WK": "W", "EVEIL": "W", "VEILLE": "W",
    "N1": "N1", "S1": "N1", "NREM1": "N1", "STADE 1": "N1", "STAGE 1": "N1",
    "N2": "N2", "S2": "N2", "NREM2": "N2", "STADE 2": "N2", "STAGE 2": "N2",
    "N3": "N3", "S3": "N3", "NREM3": "N3", "STADE 3": "N3", "STAGE 3": "N3",
    "N4": "N3", "S4": "N3", "NREM4": "N3", "STADE 4": "N3", "STAGE 4": "N3",
    "R": "R", "REM": "R", "SP": "R", "SOMMEIL PARADOXAL": "R", "PARADOXAL": "R",
}  # fmt: skip
_UNSCORED = {
    "?", "MT", "M", "MOVEMENT", "MOVEMENT TIME", "MOUVEMENT", "UNSCORED", "UNKNOWN", "UNS", "ART", "NS",
    "NON SCORE", "NON COTE", "LIGHTS ON", "LIGHTS OFF", "L",
}  # fmt: skip
# Digits after Rechtschaffen and Kales: 3 and 4 are deep sleep, 5 is REM, 6 movement, the rest unscored.
_DIGITS = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "5": "R"}
_UNSCORED_DIGITS = {"6", "7", "8", "9", "-1", "-2"}
_STAGE_COLUMNS = (
    "STAGE", "STAGES", "SLEEP STAGE", "SLEEP_STAGE", "HYPNOGRAM", "STADE", "STADES", "LABEL", "SCORE",
    "EVENT", "EVENEMENT", "ANNOTATION", "DESCRIPTION",
)  # fmt: skip
_ONSET_COLUMNS = (
    "ONSET", "ONSET_S", "START", "START_S", "START TIME", "TIME", "SECONDS", "DEBUT", "HEURE DE DEBUT",
    "HEURE",
)  # fmt: skip
_DURATION_COLUMNS = ("DURATION", "DURATION_S", "DUREE")
_CLOCKS = ("%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%H:%M:%S")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a table keeps stage, onset and duration; ``None`` where it has no such column."""

    stage: int
    onset: int | None
    duration: int | None


def read(path: Path, start: datetime | None = None) -> np.ndarray:
    """Read a hypnogram from text.

    Understood are one stage per line; a table with a heading, one row per epoch; and a table of events
    with an onset, in seconds from the start or as a clock time, in which rows that are no stages are
    passed over. Words in English and French, ``N1`` or ``S1``, digits after Rechtschaffen and Kales.

    Parameters
    ----------
    start
        When the recording began, for clock times.

    Returns
    -------
    ndarray of int, shape (epochs,)
        0..4 for W, N1, N2, N3, R per 30 s epoch from the start, -100 where unscored.

    Raises
    ------
    Refused
        ``hypnogram_unreadable`` with what was not understood.
    """
    rows = _rows(path)
    columns = _columns(rows[0]) if rows else None
    if columns is None:
        return _in_order(_single_column(rows))
    body = rows[1:]
    if columns.onset is None:
        return _in_order([row[columns.stage] for row in body if len(row) > columns.stage])
    return _on_grid(body, columns, start)


def stage_of(word: str) -> int | None:
    """Return 0..4 for a word that names a stage, -100 for one that says unscored, ``None`` for any other."""
    plain = _plain(word).removeprefix("SLEEP STAGE ")
    name = _WORDS.get(plain) or _DIGITS.get(plain)
    if name:
        return STAGES.index(name)
    return IGNORED if plain in _UNSCORED or plain in _UNSCORED_DIGITS else None


def _rows(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    lines = [line for line in text.splitlines() if line.strip()]
    separator = next((mark for mark in ("\t", ";", ",") if lines and mark in lines[0]), ",")
    return [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]


def _columns(heading: Sequence[str]) -> _Columns | None:
    """Return the columns of a table; ``None`` when the first row is no heading but a stage already."""
    names = [_plain(cell) for cell in heading]

    def first(wanted: Sequence[str]) -> int | None:
        return next((names.index(name) for name in wanted if name in names), None)

    stage = first(_STAGE_COLUMNS)
    return None if stage is None else _Columns(stage, first(_ONSET_COLUMNS), first(_DURATION_COLUMNS))


def _single_column(rows: Sequence[Sequence[str]]) -> list[str]:
    wide = next((row for row in rows if len(row) > 1), None)
    if wide is not None:
        raise _unreadable(Text(
            "its columns have no heading that says which one is the stage",
            "ses colonnes n’ont pas d’en-tête indiquant laquelle est le stade",
        ))  # fmt: skip
    return [row[0] for row in rows]


def _in_order(words: Sequence[str]) -> np.ndarray:
    found = [stage_of(word) for word in words]
    _refuse_unknown([word for word, stage in zip(words, found, strict=True) if stage is None])
    _refuse_ambiguous({_plain(word) for word in words})
    return np.array(found, int)


def _on_grid(rows: Sequence[Sequence[str]], columns: _Columns, start: datetime | None) -> np.ndarray:
    """Lay events that are stages on the grid of epochs."""
    scored, words = [], set()
    for row in rows:
        cells = dict(enumerate(row))
        word = cells.get(columns.stage, "")
        stage = stage_of(word)
        if stage is None or stage == IGNORED:
            continue
        words.add(_plain(word))
        scored.append((_seconds(cells.get(columns.onset, ""), start), _length(cells, columns), stage))
    _refuse_ambiguous(words)
    if not scored:
        raise _unreadable(Text("it holds no sleep stages", "il ne contient aucun stade de sommeil"))
    if min(onset for onset, _, _ in scored) < -EPOCH_SECONDS:
        raise _unreadable(Text(
            "it begins before the recording does", "il commence avant l’enregistrement",
        ))  # fmt: skip
    stages = np.full(max(round((at + length) / EPOCH_SECONDS) for at, length, _ in scored), IGNORED)
    for at, length, stage in scored:
        stages[max(round(at / EPOCH_SECONDS), 0) : round((at + length) / EPOCH_SECONDS)] = stage
    return stages


def _length(cells: Mapping[int, str], columns: _Columns) -> float:
    text = cells.get(columns.duration, "") if columns.duration is not None else ""
    length = _number(text) if text else float(EPOCH_SECONDS)
    if length is None or length <= 0 or abs(length / EPOCH_SECONDS - round(length / EPOCH_SECONDS)) > 0.02:
        raise _unreadable(Text(
            f"a stage lasts {text} s; epochs of {EPOCH_SECONDS} s are needed",
            f"un stade dure {text} s ; il faut des époques de {EPOCH_SECONDS} s",
        ))  # fmt: skip
    return length


def _seconds(cell: str, start: datetime | None) -> float:
    seconds = _number(cell)
    if seconds is not None:
        return seconds
    for pattern in _CLOCKS:
        try:
            clock = datetime.strptime(cell, pattern)
        except ValueError:
            continue
        if start is None:
            raise _unreadable(Text(
                "it gives clock times, and the recording does not say when it began",
                "il donne des heures, et l’enregistrement ne dit pas quand il a commencé",
            ))  # fmt: skip
        return _since(start, clock, dated="%Y" in pattern)
    raise _unreadable(Text(f"“{cell}” is no time", f"« {cell} » n’est pas une heure"))


def _since(start: datetime, clock: datetime, *, dated: bool) -> float:
    """Seconds from the start to a clock time; one without a date is within the day that follows."""
    if dated and clock.date() - start.date() in (timedelta(0), timedelta(1)):
        return (clock - start).total_seconds()
    # Dates of anonymised recordings are moved; the time of day is not.
    of_day = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
    began = timedelta(hours=start.hour, minutes=start.minute, seconds=start.second)
    seconds = (of_day - began).total_seconds()
    return seconds if seconds > -EPOCH_SECONDS else seconds + 24 * 3600


def _number(text: str) -> float | None:
    return float(text.replace(",", ".")) if re.fullmatch(r"[+-]?\d+([.,]\d*)?", text) else None


def _refuse_unknown(words: Sequence[str]) -> None:
    if not words:
        return
    named = ", ".join(dict.fromkeys(f"“{word}”" for word in words[:_MOST_NAMED]))
    raise _unreadable(Text(
        f"{named} is no stage; write W, N1, N2, N3, R or ?",
        f"{named} n’est pas un stade ; écrivez W, N1, N2, N3, R ou ?",
    ))  # fmt: skip


def _refuse_ambiguous(words: set[str]) -> None:
    """Refuse digits with a 4 and no 5: deep sleep after Rechtschaffen and Kales, REM in newer tools."""
    if "4" in words and "5" not in words:
        raise _unreadable(Text(
            "the digit 4 is deep sleep in some programs and REM in others; write the stages as letters",
            "le chiffre 4 est le sommeil profond pour certains logiciels, le sommeil paradoxal pour "
            "d’autres ; écrivez les stades en lettres",
        ))  # fmt: skip


def _unreadable(why: Text) -> Refused:
    return Refused(Problem("hypnogram_unreadable", Text(
        f"The hypnogram cannot be read: {why.en}.", f"L’hypnogramme est illisible : {why.fr}.",
    )))  # fmt: skip


def _plain(text: str) -> str:
    """Upper case without accents and doubled spaces."""
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).upper().split())

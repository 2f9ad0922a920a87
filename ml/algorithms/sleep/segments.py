"""The uninterrupted stretches of a recording on its one grid of 30 s epochs.

An EDF+D (or BDF+D) says when each data record began. Records that follow one another are one stretch;
nothing is joined across a gap. Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.edf_header import MAX_HOURS, Header, damaged
from ml.contracts import Problem, Refused, Text

# Recorders write the times of records rounded: less than one sample at 100 Hz is no interruption.
_TOLERANCE_S = 0.01
# Yet many small steps must not move a stretch off the grid.
_DRIFT_S = 0.5
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch: when it begins on the grid, in seconds, its first data record and how many."""

    onset_s: float
    record: int
    records: int

    def seconds(self, header: Header) -> float:
        """Return its length."""
        return self.records * header.record_seconds

    def epochs(self, header: Header) -> tuple[int, int]:
        """Return the first epoch wholly inside it and how many there are; the number may be 0."""
        first = math.ceil(self.onset_s / EPOCH_SECONDS - _SLACK)
        end = math.floor((self.onset_s + self.seconds(header)) / EPOCH_SECONDS + _SLACK)
        return first, max(0, end - first)


def split(header: Header, onsets: Sequence[float | None]) -> tuple[Segment, ...]:
    """Split a recording at its gaps.

    Parameters
    ----------
    onsets
        From :func:`ml.algorithms.sleep.tals.read`.

    Returns
    -------
    tuple of Segment
        One for a recording without interruptions; the first begins at 0.

    Raises
    ------
    Refused
        ``edf_no_times``, ``edf_times_overlap`` or ``edf_too_long`` for an interrupted recording whose
        records do not say when they began, that overlap, or that span more than three days.
    """
    if not header.interrupted:
        return (Segment(0.0, 0, header.n_records),)
    if len(onsets) != header.n_records or None in onsets:
        raise Refused(_without_times())
    times = [float(time) - float(onsets[0]) for time in onsets if time is not None and onsets[0] is not None]
    if not all(math.isfinite(time) for time in times):
        raise Refused(
            damaged(Text("the time of a record is no number", "l’heure d’un bloc n’est pas un nombre"))
        )
    first, found = 0, []
    for record in range(1, header.n_records):
        step = times[record] - times[record - 1] - header.record_seconds
        drift = times[record] - times[first] - (record - first) * header.record_seconds
        if step < -_TOLERANCE_S:
            raise Refused(_overlapping())
        if step > _TOLERANCE_S or abs(drift) > _DRIFT_S:
            found.append(Segment(times[first], first, record - first))
            first = record
    found.append(Segment(times[first], first, header.n_records - first))
    if span(found, header) > MAX_HOURS * 3600:
        raise Refused(_too_long())
    return tuple(found)


def span(segments: Sequence[Segment], header: Header) -> float:
    """Return the seconds from the start of the recording to its end, gaps included."""
    last = segments[-1]
    return last.onset_s + last.seconds(header)


def grid(segments: Sequence[Segment], header: Header) -> int:
    """Return the number of whole epochs from the start of the recording to its end."""
    return int(span(segments, header) / EPOCH_SECONDS + _SLACK)


def unsaid(header: Header, onsets: Sequence[float | None]) -> float:
    """Return the seconds that are missing between the records of a file that calls itself continuous.

    Only times that grow from record to record are believed: some writers repeat one time in all of them.
    """
    times = [time for time in onsets if time is not None]
    if header.interrupted or len(times) != header.n_records:
        return 0.0
    steps = [later - earlier for earlier, later in pairwise(times)]
    if any(step <= 0 for step in steps):
        return 0.0
    missing = sum(max(0.0, step - header.record_seconds) for step in steps)
    return missing if missing > _DRIFT_S else 0.0


def _without_times() -> Problem:
    return Problem("edf_no_times", Text(
        "The recording has interruptions (EDF+D) but does not say when each of its records began. "
        "Export each uninterrupted part as EDF+C.",
        "L’enregistrement comporte des interruptions (EDF+D) mais n’indique pas le début de chacun de ses "
        "blocs. Exportez chaque partie continue en EDF+C.",
    ))  # fmt: skip


def _overlapping() -> Problem:
    return Problem("edf_times_overlap", Text(
        "Two records of the recording (EDF+D) overlap in time. Export it again.",
        "Deux blocs de l’enregistrement (EDF+D) se chevauchent dans le temps. Exportez-le de nouveau.",
    ))  # fmt: skip


def _too_long() -> Problem:
    return Problem("edf_too_long", Text(
        f"From its first record to its last the recording spans more than {MAX_HOURS} h. "
        "Export one night at a time.",
        f"Du premier au dernier bloc, l’enregistrement s’étend sur plus de {MAX_HOURS} h. "
        "Exportez une nuit à la fois.",
    ))  # fmt: skip

"""Sleep statistics of a hypnogram, as the AASM manual defines them, with the other usage beside it.

Standard library only: the web process computes them again when a person has corrected the hypnogram.
An epoch counts when its midpoint lies between lights off and lights on. What each figure means and where
its definition comes from stands in ``formulas.FORMULAS``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from ml.algorithms.sleep.contract import EPOCH_SECONDS

ASLEEP = ("N1", "N2", "N3", "R")
UNSCORED = "?"
PERSISTENT_EPOCHS = 20
"""Ten minutes of uninterrupted sleep are "persistent" sleep."""


@dataclass(frozen=True, slots=True)
class Night:
    """The part of a recording between lights off and lights on.

    Parameters
    ----------
    stages
        Stages of the epochs that count.
    first
        Position of the first of them in the recording.
    lights_off, lights_on
        Seconds from the start of the recording, held within it.
    """

    stages: tuple[str, ...]
    first: int
    lights_off: float
    lights_on: float

    @property
    def trt(self) -> float:
        """Minutes from lights off to lights on."""
        return (self.lights_on - self.lights_off) / 60

    @property
    def tst(self) -> float:
        """Minutes asleep."""
        return _minutes(sum(stage in ASLEEP for stage in self.stages))

    def since_lights_off(self, epoch: int) -> float:
        """Minutes from lights off to the start of an epoch of ``stages``; 0 when it began before."""
        return max(0.0, ((self.first + epoch) * EPOCH_SECONDS - self.lights_off) / 60)

    def until_lights_on(self, epoch: int) -> float:
        """Minutes from the end of an epoch of ``stages`` to lights on; 0 when it ends after."""
        return max(0.0, (self.lights_on - (self.first + epoch + 1) * EPOCH_SECONDS) / 60)

    def spans(self) -> list[tuple[int, int]]:
        """Seconds of the recording in which the person slept, as (from, to), neighbours joined."""
        found = []
        for asleep, run in groupby(range(len(self.stages)), key=lambda i: self.stages[i] in ASLEEP):
            epochs = list(run)
            if asleep:
                found.append((self.first + epochs[0], self.first + epochs[-1] + 1))
        return [(a * EPOCH_SECONDS, b * EPOCH_SECONDS) for a, b in found]


def between_lights(
    stages: Sequence[str], lights_off: float | None = None, lights_on: float | None = None
) -> Night:
    """Cut a hypnogram at lights off and lights on.

    Parameters
    ----------
    stages
        One of W, N1, N2, N3, R, ``"?"`` per 30 s epoch from the start of the recording.
    lights_off, lights_on
        Seconds from the start of the recording; its start and its end where not given. A light outside
        the recording is held at its edge: nothing is known of the time before and after.

    Raises
    ------
    ValueError
        When lights on is before lights off, or a time is no number.
    """
    end = float(len(stages) * EPOCH_SECONDS)
    off = 0.0 if lights_off is None else float(lights_off)
    on = end if lights_on is None else float(lights_on)
    if not (math.isfinite(off) and math.isfinite(on)):
        raise ValueError(f"lights off ({off}) and lights on ({on}) must be seconds of the recording")
    if on < off:
        raise ValueError(f"lights on ({on:g} s) is before lights off ({off:g} s)")
    off, on = min(max(off, 0.0), end), min(max(on, 0.0), end)
    inside = [i for i in range(len(stages)) if off <= (i + 0.5) * EPOCH_SECONDS < on]
    first = inside[0] if inside else 0
    return Night(tuple(stages[i] for i in inside), first, off, on)


def statistics(
    stages: Sequence[str],
    *,
    lights_off: float | None = None,
    lights_on: float | None = None,
    arousals: Iterable[float] = (),
) -> dict[str, float | int | None]:
    """Compute the statistics of one night.

    Parameters
    ----------
    stages
        One of W, N1, N2, N3, R, ``"?"`` per 30 s epoch from the start of the recording.
    lights_off, lights_on
        Seconds from the start of the recording; the whole recording when not given.
    arousals
        Onset of each arousal in seconds from the start of the recording. Those between lights off and
        lights on count, asleep or not (AASM). None at all means that nobody scored them: the index is
        then undefined, not zero.

    Returns
    -------
    dict
        Minutes unless said otherwise; ``None`` where undefined (a latency without sleep):

        ``trt`` lights on − lights off; ``tst`` N1 + N2 + N3 + R; ``sol`` first sleep − lights off;
        ``sol_persistent`` the same to the first ten minutes without anything but sleep;
        ``spt`` first to last sleep; ``waso`` TRT − SOL − TST (AASM: wake after the last sleep counts, and
        so does unscored time); ``wake_in_sleep_period`` wake between first and last sleep (YASA's WASO);
        ``wake_after_sleep`` wake after the last sleep; ``se`` 100 · TST / TRT, ``se_scored`` the same
        without the unscored epochs and ``sme`` 100 · TST / SPT (%);
        ``rem_latency`` first R − first sleep (AASM); ``rem_latency_from_lights_off`` first R − lights off
        (YASA's, when lights off is the start); ``n2_latency`` and ``n3_latency`` from first sleep;
        minutes ``n1`` ``n2`` ``n3`` ``r`` ``wake`` ``unscored``, ``n1_percent`` ... ``r_percent`` of TST and
        ``n1_percent_of_spt`` ... ``r_percent_of_spt``; ``awakenings`` (runs of wake between first and last
        sleep); ``stage_shifts``, and per hour of sleep ``shifts_per_hour``, ``fragmentation`` (awakenings
        and shifts between stages of sleep) and ``fragmentation_n1`` (awakenings and shifts to N1);
        ``arousals`` and ``arousal_index`` per hour of sleep.

    Raises
    ------
    ValueError
        When lights on is before lights off, or a time is no number.
    """
    night = between_lights(stages, lights_off, lights_on)
    return {
        "trt": night.trt,
        "tst": night.tst,
        **_wake(night),
        **_latencies(night),
        **_stages(night),
        **_continuity(night, arousals),
    }


def _wake(night: Night) -> dict[str, float | None]:
    """Return sleep period, efficiency and the kinds of wake."""
    asleep = _asleep(night.stages)
    scored = _minutes(sum(stage != UNSCORED for stage in night.stages))
    period = _period(night.stages)
    sol = night.since_lights_off(asleep[0]) if asleep else None
    spt = _minutes(len(period))
    after = night.stages[asleep[-1] + 1 :] if asleep else ()
    return {
        "spt": spt,
        "sol": sol,
        "waso": max(0.0, night.trt - sol - night.tst) if sol is not None else None,
        "wake_in_sleep_period": _minutes(period.count("W")) if asleep else None,
        "wake_after_sleep": _minutes(after.count("W")) if asleep else None,
        "se": _percent(night.tst, night.trt),
        "se_scored": _percent(night.tst, scored),
        "sme": _percent(night.tst, spt),
        "wake": _minutes(night.stages.count("W")),
        "unscored": _minutes(night.stages.count(UNSCORED)),
    }


def _latencies(night: Night) -> dict[str, float | None]:
    asleep = _asleep(night.stages)
    first = {stage: night.stages.index(stage) for stage in ("N2", "N3", "R") if stage in night.stages}

    def from_sleep(stage: str) -> float | None:
        return _minutes(first[stage] - asleep[0]) if stage in first else None

    persistent = _persistent(night.stages)
    return {
        "sol_persistent": None if persistent is None else night.since_lights_off(persistent),
        "rem_latency": from_sleep("R"),
        "rem_latency_from_lights_off": night.since_lights_off(first["R"]) if "R" in first else None,
        "n2_latency": from_sleep("N2"),
        "n3_latency": from_sleep("N3"),
    }


def _stages(night: Night) -> dict[str, float | None]:
    """Return minutes of each stage of sleep, their share of TST and of SPT."""
    minutes = {stage.lower(): _minutes(night.stages.count(stage)) for stage in ASLEEP}
    spt = _minutes(len(_period(night.stages)))
    return (
        minutes
        | {f"{stage}_percent": _percent(value, night.tst) for stage, value in minutes.items()}
        | {f"{stage}_percent_of_spt": _percent(value, spt) for stage, value in minutes.items()}
    )


def _continuity(night: Night, arousals: Iterable[float]) -> dict[str, float | int | None]:
    """Return how often sleep was broken; a change across unscored time is not known to be one."""
    changes = [
        (a, b) for a, b in pairwise(_period(night.stages)) if a != b and UNSCORED not in (a, b)
    ]  # fmt: skip
    awakenings = sum(b == "W" for _, b in changes)
    within_sleep = sum(a != "W" and b != "W" for a, b in changes)
    to_n1 = sum(a != "W" and b == "N1" for a, b in changes)
    given = list(arousals)
    counted = sum(night.lights_off <= onset < night.lights_on for onset in given)
    return {
        "awakenings": awakenings,
        "stage_shifts": len(changes),
        "shifts_per_hour": per_hour(len(changes), night.tst),
        "fragmentation": per_hour(awakenings + within_sleep, night.tst),
        "fragmentation_n1": per_hour(awakenings + to_n1, night.tst),
        "arousals": counted if given else None,
        "arousal_index": per_hour(counted, night.tst) if given else None,
    }


def odi(
    events: Iterable[Mapping[str, float]],
    stages: Sequence[str],
    *,
    drop: float,
    lights_off: float | None = None,
    lights_on: float | None = None,
) -> dict[str, float | int | str | None]:
    """Count desaturations per hour of sleep.

    Parameters
    ----------
    events
        ``start_s`` and ``nadir_s`` from the start of the recording, and ``drop`` in points of saturation
        (``Oxygen.to_json()["events"]``).
    stages
        As in :func:`statistics`; empty, or without any scored epoch, when nothing was staged.
    drop
        3 or 4: the fall from which an event counts.

    Returns
    -------
    dict
        ``events`` counted, ``hours`` they are divided by, ``per_hour`` (``None`` without any hour) and
        ``of``: ``"sleep"``, or ``"recording"`` when nothing is staged, which the label must then say. A fall
        counts when any of it, from its start to its nadir, lies in sleep: it follows its cause late, and
        often the arousal has begun.

    Raises
    ------
    ValueError
        As :func:`statistics`.
    """
    night = between_lights(stages, lights_off, lights_on)
    deep = [event for event in events if event["drop"] >= drop]
    if any(stage != UNSCORED for stage in stages):
        spans, of = night.spans(), "sleep"
        minutes = night.tst
    else:
        spans, of = [(night.lights_off, night.lights_on)], "recording"
        minutes = night.trt
    counted = sum(any(e["start_s"] < b and e["nadir_s"] >= a for a, b in spans) for e in deep)
    return {"events": counted, "hours": minutes / 60, "per_hour": per_hour(counted, minutes), "of": of}


def per_hour(count: int, minutes: float) -> float | None:
    """Return events per hour; ``None`` when there was no time for any."""
    return 60 * count / minutes if minutes > 0 else None


def _asleep(stages: Sequence[str]) -> list[int]:
    return [i for i, stage in enumerate(stages) if stage in ASLEEP]


def _period(stages: Sequence[str]) -> Sequence[str]:
    """Return the epochs from the first to the last of sleep."""
    asleep = _asleep(stages)
    return stages[asleep[0] : asleep[-1] + 1] if asleep else ()


def _persistent(stages: Sequence[str]) -> int | None:
    """Return the first epoch of ten minutes of nothing but sleep."""
    run = 0
    for i, stage in enumerate(stages):
        run = run + 1 if stage in ASLEEP else 0
        if run == PERSISTENT_EPOCHS:
            return i - PERSISTENT_EPOCHS + 1
    return None


def _minutes(epochs: int) -> float:
    return epochs * EPOCH_SECONDS / 60


def _percent(part: float, whole: float) -> float | None:
    """Return a share, 100 at most: a light in mid-epoch may leave less time than the epochs counted."""
    return min(100.0, 100 * part / whole) if whole > 0 else None

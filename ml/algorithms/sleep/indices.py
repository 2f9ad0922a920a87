"""Figures of oxygen, breathing, spindles and slow waves over the sleep of a hypnogram.

Standard library only: what the signals held is stored once per recording, and the web process makes the
figures of it again when a person has corrected the hypnogram or moved the lights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.statistics import ASLEEP, UNSCORED, Night, between_lights, odi, per_hour

PAUSES, REDUCED = "apnoea", "hypopnoea"
STATES = {"nrem": ("N1", "N2", "N3"), "rem": ("R",)}
MICRO_STAGES = {"n2": ("N2",), "n3": ("N3",), "n2_n3": ("N2", "N3")}
FEWEST_MINUTES = 1.0
"""With less of a stage no density is said."""


def oxygen(
    found: Mapping[str, Any],
    stages: Sequence[str],
    *,
    lights_off: float | None = None,
    lights_on: float | None = None,
) -> dict[str, Any]:
    """Return the oximeter's figures over sleep, over the recording when nothing is staged.

    Parameters
    ----------
    found
        ``Oxygen.to_json()``.
    stages
        One of W, N1, N2, N3, R, ``"?"`` per epoch; ``"?"`` throughout when nothing was staged.

    Returns
    -------
    dict
        ``of`` (``"sleep"`` or ``"recording"``: say it in the label), ``usable`` (the gate's), ``odi3`` and
        ``odi4`` (``statistics.odi``), ``hours`` with a reading, ``odi3_of_reading`` and ``odi4_of_reading``
        (per hour with a reading: higher where the sensor fell off), ``odi3_by_state`` (as
        :func:`breathing`), ``t90_percent`` of the time with a reading, ``t90_minutes``, ``mean`` and
        ``nadir``. ``None`` where undefined.

    Raises
    ------
    ValueError
        As ``statistics.statistics``.
    """
    night = between_lights(stages, lights_off, lights_on)
    staged = any(stage != UNSCORED for stage in stages)
    chosen = _epochs(night, ASLEEP) if staged else range(night.first, night.first + len(night.stages))
    row = found["per_epoch"]
    inside = [i for i in chosen if i < len(row["seconds"]) and row["seconds"][i]]
    seconds = sum(row["seconds"][i] for i in inside)
    below = sum(row["below_90"][i] for i in inside)
    usable = bool(found["gate"]["usable"])
    of3, of4 = (
        odi(found["events"], stages, drop=drop, lights_off=lights_off, lights_on=lights_on) for drop in (3, 4)
    )
    if not usable:
        of3, of4 = of3 | {"events": 0, "per_hour": None}, of4 | {"events": 0, "per_hour": None}
    known = usable and seconds > 0
    return {
        "of": of3["of"],
        "usable": usable,
        "odi3": of3,
        "odi4": of4,
        "hours": seconds / 3600,
        "odi3_of_reading": per_hour(of3["events"], seconds / 60) if known else None,
        "odi4_of_reading": per_hour(of4["events"], seconds / 60) if known else None,
        "odi3_by_state": _by_state(
            [(e["start_s"], e["nadir_s"]) for e in found["events"] if e["drop"] >= 3] if usable else None,
            night,
        ),
        "t90_percent": 100 * below / seconds if known else None,
        "t90_minutes": below / 60 if known else None,
        "mean": sum(row["mean"][i] * row["seconds"][i] for i in inside) / seconds if known else None,
        "nadir": min(row["lowest"][i] for i in inside) if known else None,
    }


def breathing(
    found: Mapping[str, Any],
    stages: Sequence[str],
    *,
    lights_off: float | None = None,
    lights_on: float | None = None,
) -> dict[str, Any]:
    """Return the flow events per hour of sleep, of the recording when nothing is staged.

    Parameters
    ----------
    found
        ``Breathing.to_json()``.

    Returns
    -------
    dict
        ``of``, ``usable``, ``hours`` they are divided by, ``events`` (pauses and hypopnoeas together) and
        ``per_hour``; ``apnoeas``, of them ``with_effort`` and ``without_effort``, ``hypopnoeas``,
        ``reductions`` without a fall of saturation, ``longest_s``; ``by_state``, events per hour of ``nrem``
        and of ``rem``, each event in the state of the first sleep it touches; and the hypoxic burden
        ``burden`` in % · min per hour (Azarbarzin 2019), ``None`` without oximeter. An event counts when any
        of it lies in sleep.
    """
    night = between_lights(stages, lights_off, lights_on)
    staged = any(stage != UNSCORED for stage in stages)
    spans = night.spans() if staged else [(night.lights_off, night.lights_on)]
    minutes = night.tst if staged else night.trt
    usable = bool(found["gate"]["usable"])
    events = [e for e in found["events"] if any(e["start_s"] < b and e["end_s"] > a for a, b in spans)]
    pauses = [e for e in events if e["kind"] == PAUSES]
    reduced = [e for e in events if e["kind"] == REDUCED]
    counted = pauses + reduced
    costs = [e["burden"] for e in counted if e["burden"] is not None]
    return {
        "of": "sleep" if staged else "recording",
        "usable": usable,
        "hours": minutes / 60,
        "events": len(counted),
        "per_hour": per_hour(len(counted), minutes) if usable else None,
        "apnoeas": len(pauses),
        "with_effort": sum(e["effort"] == "with" for e in pauses),
        "without_effort": sum(e["effort"] == "without" for e in pauses),
        "hypopnoeas": len(reduced),
        "reductions": len(events) - len(counted),
        "by_state": _by_state([(e["start_s"], e["end_s"]) for e in counted] if usable else None, night),
        "longest_s": max((e["end_s"] - e["start_s"] for e in counted), default=None),
        "burden": 60 * sum(costs) / minutes if usable and found["oxygen"] and minutes > 0 else None,
    }


def microstructure(
    found: Mapping[str, Any],
    stages: Sequence[str],
    *,
    lights_off: float | None = None,
    lights_on: float | None = None,
) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return density and means of spindles and slow waves in N2, N3 and both.

    Parameters
    ----------
    found
        ``Micro.to_json()``.

    Returns
    -------
    dict
        ``spindles`` and ``slow_waves``, each by ``n2``, ``n3``, ``n2_n3``: ``minutes`` searched, ``count``,
        ``per_minute`` (``None`` under a minute), and the means ``duration`` (s), ``frequency`` (Hz) and
        ``amplitude`` (µV, ``None`` where the EEG's size was not believed).

    """
    night = between_lights(stages, lights_off, lights_on)
    row = found["per_epoch"]
    return {
        kind: {name: _density(row, kind, _epochs(night, own)) for name, own in MICRO_STAGES.items()}
        for kind in ("spindles", "slow_waves")
    }


def _by_state(events: Sequence[tuple[float, float]] | None, night: Night) -> dict[str, float | None]:
    """Return events per hour of NREM and of REM sleep; ``None`` where that is not known."""
    rates: dict[str, float | None] = dict.fromkeys(STATES)
    if events is None:
        return rates
    first = [_first_sleep(start, end, night) for start, end in events]
    for state, own in STATES.items():
        minutes = len(_epochs(night, own)) * EPOCH_SECONDS / 60
        rates[state] = per_hour(sum(stage in own for stage in first if stage), minutes)
    return rates


def _first_sleep(start: float, end: float, night: Night) -> str:
    """Return the stage of the first epoch of sleep that an event touches, empty without one."""
    epochs = range(int(start // EPOCH_SECONDS), int(end // EPOCH_SECONDS) + 1)
    touched = (night.stages[i - night.first] for i in epochs if 0 <= i - night.first < len(night.stages))
    return next((stage for stage in touched if stage in ASLEEP), "")


def _density(row: Mapping[str, Any], kind: str, epochs: Sequence[int]) -> dict[str, float | None]:
    table = row[kind]
    inside = [i for i in epochs if i < len(row["seconds"])]
    minutes = sum(row["seconds"][i] for i in inside) / 60
    count = sum(table["count"][i] for i in inside)

    def mean(values: Sequence[float] | None) -> float | None:
        return sum(values[i] for i in inside) / count if values is not None and count else None

    return {
        "minutes": minutes,
        "count": count,
        "per_minute": count / minutes if minutes >= FEWEST_MINUTES else None,
        "duration": mean(table["duration"]),
        "frequency": mean(table["frequency"]),
        "amplitude": mean(table["amplitude"]),
    }


def _epochs(night: Night, stages: Iterable[str]) -> list[int]:
    """Return the positions in the recording of the epochs of some stages."""
    wanted = set(stages)
    return [night.first + i for i, stage in enumerate(night.stages) if stage in wanted]

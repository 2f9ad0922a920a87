"""Sleep statistics of a hypnogram, as the AASM manual defines them, with the other usage beside it.

Standard library only. An epoch counts when its midpoint lies between lights off and lights on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ml.algorithms.sleep.contract import EPOCH_SECONDS

ASLEEP = ("N1", "N2", "N3", "R")
UNSCORED = "?"


def statistics(
    stages: Sequence[str], *, lights_off: float = 0.0, lights_on: float | None = None
) -> dict[str, float | int | None]:
    """Compute the statistics of one night.

    Parameters
    ----------
    stages
        One of W, N1, N2, N3, R, ``"?"`` per 30 s epoch from the start of the recording.
    lights_off, lights_on
        Seconds from the start of the recording; the whole recording when not given.

    Returns
    -------
    dict
        Minutes unless said otherwise; ``None`` where undefined (a latency without sleep):

        ``trt`` lights on − lights off; ``tst`` N1 + N2 + N3 + R; ``sol`` first sleep − lights off;
        ``spt`` first to last sleep; ``waso`` TRT − SOL − TST (AASM: wake after the last sleep counts, and
        so does unscored time); ``wake_in_sleep_period`` wake between first and last sleep (YASA's WASO);
        ``se`` 100 · TST / TRT and ``sme`` 100 · TST / SPT (%); ``rem_latency`` first R − first sleep (AASM);
        ``rem_latency_from_lights_off`` first R − lights off (YASA's, when lights off is the start);
        minutes ``n1`` ``n2`` ``n3`` ``r`` ``wake`` ``unscored`` and ``n1_percent`` ... ``r_percent`` of TST;
        ``awakenings`` (runs of wake between first and last sleep); ``stage_shifts``.

    Raises
    ------
    ValueError
        When lights on is before lights off.
    """
    end = len(stages) * EPOCH_SECONDS if lights_on is None else lights_on
    if end < lights_off:
        raise ValueError(f"lights on ({end} s) is before lights off ({lights_off} s)")
    inside = [i for i in range(len(stages)) if lights_off <= (i + 0.5) * EPOCH_SECONDS < end]
    night = [stages[i] for i in inside]
    asleep = [i for i, stage in enumerate(night) if stage in ASLEEP]
    rem = [i for i, stage in enumerate(night) if stage == "R"]
    trt, tst = (end - lights_off) / 60, _minutes(len(asleep))
    first_epoch_start = inside[0] * EPOCH_SECONDS if inside else lights_off

    def since_lights_off(i: int) -> float:
        return max(0.0, (first_epoch_start + i * EPOCH_SECONDS - lights_off) / 60)

    period = night[asleep[0] : asleep[-1] + 1] if asleep else []
    sol = since_lights_off(asleep[0]) if asleep else None
    spt = _minutes(len(period))
    return {
        "trt": trt,
        "tst": tst,
        "spt": spt,
        "sol": sol,
        "waso": max(0.0, trt - sol - tst) if sol is not None else None,
        "wake_in_sleep_period": _minutes(period.count("W")) if asleep else None,
        "se": _percent(tst, trt),
        "sme": _percent(tst, spt),
        "rem_latency": _minutes(rem[0] - asleep[0]) if rem else None,
        "rem_latency_from_lights_off": since_lights_off(rem[0]) if rem else None,
        "wake": _minutes(night.count("W")),
        "unscored": _minutes(night.count(UNSCORED)),
        **{stage.lower(): _minutes(night.count(stage)) for stage in ASLEEP},
        **{f"{stage.lower()}_percent": _percent(_minutes(night.count(stage)), tst) for stage in ASLEEP},
        "awakenings": sum(a in ASLEEP and b == "W" for a, b in pairwise(period)),
        "stage_shifts": sum(a != b and UNSCORED not in (a, b) for a, b in pairwise(period)),
    }


def _minutes(epochs: int) -> float:
    return epochs * EPOCH_SECONDS / 60


def _percent(part: float, whole: float) -> float | None:
    return 100 * part / whole if whole > 0 else None

"""Hypoxic burden: the oxygen that respiratory events cost, as an area (Azarbarzin 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BASELINE_SECONDS = 100
WINDOW_SECONDS = 120
"""How far around an event's end the night's mean course is looked at."""
USUAL = (-5, 45)
"""Seconds around an event's end, where too few events tell the person's own window."""
FEWEST = 5


def burdens(ends: Sequence[float], samples: np.ndarray) -> list[float | None]:
    """Return for each apnoea and hypopnoea the area below the saturation before it.

    Parameters
    ----------
    ends
        End of each event in seconds from the start of the recording, in order.
    samples
        Saturation in % per second, shape (seconds,); NaN where there is no reading.

    Returns
    -------
    list of float or None
        In % · min: the area between the highest saturation of the 100 s before the event's end and the
        saturation, within the person's own search window. That window lies between the two peaks of the
        mean course around the ends of all events. Half of the window must have readings. A second that lies
        in the windows of two events counts for the first alone.
    """
    whole = [round(end) for end in ends]
    first, last = _window(whole, samples)
    free, found = 0, []
    for end in whole:
        start, stop = max(free, end + first, 0), min(end + last, len(samples))
        free = max(free, stop)
        found.append(_area(samples, start, stop, end))
    return found


def _window(ends: Sequence[int], samples: np.ndarray) -> tuple[int, int]:
    """Return where the fall lies around an event's end, in seconds, from this night's mean course."""
    around = np.arange(-WINDOW_SECONDS, WINDOW_SECONDS + 1)
    inside = [end for end in ends if end >= WINDOW_SECONDS and end + WINDOW_SECONDS < len(samples)]
    if len(inside) < FEWEST:
        return USUAL
    courses = samples[np.array(inside)[:, None] + around]
    known = np.isfinite(courses)
    if not known.any(axis=0).all():
        return USUAL
    mean = np.where(known, courses, 0).sum(axis=0) / known.sum(axis=0)
    # The lowest within a minute after the end belongs to the event; its peaks stand on either side of it.
    near = slice(WINDOW_SECONDS - 10, WINDOW_SECONDS + 61)
    bottom = near.start + int(mean[near].argmin())
    left = bottom - int(mean[bottom - 60 : bottom + 1][::-1].argmax())
    right = bottom + int(mean[bottom : bottom + 61].argmax())
    return left - WINDOW_SECONDS, right - WINDOW_SECONDS


def _area(samples: np.ndarray, start: int, stop: int, end: int) -> float | None:
    past = samples[max(0, end - BASELINE_SECONDS) : min(end + 1, len(samples))]
    within = samples[start:stop]
    if not np.isfinite(past).any() or not within.size or np.isfinite(within).mean() < 0.5:
        return None
    below = np.nanmax(past) - within
    return round(float(np.nansum(np.maximum(0, below))) / 60, 3)

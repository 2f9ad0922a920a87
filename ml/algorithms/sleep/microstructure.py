"""Spindles and slow waves of a night, as a summary per stage.

Spindles by the four features and thresholds of A7 (Lacourse 2019): power in 11–16 Hz, that power against
4.5–30 Hz, and covariance and correlation of the 11–16 Hz signal with the EEG, in windows of 0.3 s. Slow waves
by their zero crossings (Massimini 2004) with the sizes and durations of Carrier 2011. Where the size of the
EEG cannot be believed, what depends on microvolts is left out or made relative. ``SCREENING.md`` has the
sources and what was chosen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ml.algorithms.sleep import quality, slow_waves, spindles
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.fast_filter import Filtered
from ml.algorithms.sleep.slow_waves import SlowWave
from ml.algorithms.sleep.spindles import Spindle
from ml.contracts import Text

LOWEST_RATE = 60.0
REFERENCE = ("N2", "N3")
ARTEFACT = 20.0
"""Times the standard deviation of N2 and N3: a second that goes beyond is no EEG."""
_RELATIVE = Text(
    "The size of the EEG ({size} µV) is not that of a scalp EEG: spindles were found without their size, "
    "slow waves are the largest quarter of the night's, and no amplitude is given.",
    "L’amplitude de l’EEG ({size} µV) n’est pas celle d’un EEG de scalp : les fuseaux ont été recherchés "
    "sans leur amplitude, les ondes lentes sont le quart le plus ample de la nuit, et aucune amplitude n’est "
    "donnée.",
)
_NO_SLEEP = Text(
    "No N2 or N3 was staged: spindles and slow waves have no night to be counted in.",
    "Aucun N2 ni N3 : ni fuseaux ni ondes lentes à compter.",
)
_NO_EEG = Text(
    "In N2 and N3 the derivation has no EEG fit for the search of spindles and slow waves.",
    "En N2 et N3, la dérivation n’a pas d’EEG exploitable pour rechercher fuseaux et ondes lentes.",
)


@dataclass(frozen=True, slots=True)
class Micro:
    """Spindles and slow waves of a night, in every stage.

    Parameters
    ----------
    absolute
        Whether the size of the EEG was believed and thresholds in µV used.
    spindles, slow_waves
        In order.
    seconds
        Shape (epochs,): seconds of each epoch with EEG fit for the search.
    reasons
        What was noticed.
    """

    absolute: bool
    spindles: tuple[Spindle, ...]
    slow_waves: tuple[SlowWave, ...]
    seconds: np.ndarray
    reasons: tuple[Text, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the stored form.

        Returns
        -------
        dict
            ``absolute``, ``reasons``, and ``per_epoch``: ``seconds`` searched, and per epoch the number of
            ``spindles`` and ``slow_waves`` with the sums of what is averaged (``indices.microstructure``
            makes densities and means per stage of them, also after a correction of the hypnogram).
        """
        epochs = len(self.seconds)
        return {
            "absolute": self.absolute,
            "reasons": [reason.as_json() for reason in self.reasons],
            "per_epoch": {
                "seconds": self.seconds.tolist(),
                "spindles": _sums(
                    epochs,
                    [s.start_s for s in self.spindles],
                    duration=[s.duration_s for s in self.spindles],
                    frequency=[s.frequency for s in self.spindles],
                    amplitude=[s.amplitude for s in self.spindles] if self.absolute else None,
                ),
                "slow_waves": _sums(
                    epochs,
                    [w.start_s for w in self.slow_waves],
                    duration=[w.duration_s for w in self.slow_waves],
                    frequency=[1 / w.duration_s for w in self.slow_waves],
                    amplitude=[w.amplitude for w in self.slow_waves] if self.absolute else None,
                ),
            },
        }


def analyse(eeg: np.ndarray, rate: float, stages: Sequence[str], *, scaled: bool = True) -> Micro:
    """Find spindles and slow waves.

    Parameters
    ----------
    eeg
        One frontal or central derivation in µV, shape (n,), 0.3–35 Hz; gaps NaN.
    rate
        Samples per second, at least 60.
    stages
        One of W, N1, N2, N3, R, ``"?"`` per 30 s epoch.
    scaled
        ``False`` when the recording's unit is known to be wrong.

    Raises
    ------
    ValueError
        When the EEG is not one-dimensional or the rate too low.
    """
    eeg = np.asarray(eeg)
    if eeg.ndim != 1:
        raise ValueError(f"expected an EEG of shape (n,), got {eeg.shape}")
    if not rate >= LOWEST_RATE:
        raise ValueError(f"expected at least {LOWEST_RATE:g} samples per second, got {rate}")
    asleep = np.repeat([stage in REFERENCE for stage in stages], EPOCH_SECONDS).astype(bool)
    fit, size = _fit(eeg, rate, asleep)
    seconds = fit.reshape(len(stages), EPOCH_SECONDS).sum(axis=1)
    if not (fit & asleep).any():
        return Micro(scaled, (), (), seconds, (_NO_EEG if asleep.any() else _NO_SLEEP,))
    absolute = scaled and quality.PLAUSIBLE[0] <= size <= quality.PLAUSIBLE[1]
    filtered = Filtered(np.where(np.isfinite(eeg), eeg, 0), rate)
    # Everything is searched, judged by N2 and N3: a person may move an epoch into them afterwards.
    searched, reference = (_of_length(flags, len(eeg), rate) for flags in (fit, fit & asleep))
    found = spindles.find(filtered, searched, reference, absolute=absolute)
    waves = slow_waves.find(filtered, searched, reference, absolute=absolute)
    reasons = () if absolute else (_relative(size),)
    return Micro(absolute, tuple(found), tuple(waves), seconds, reasons)


def _fit(eeg: np.ndarray, rate: float, asleep: np.ndarray) -> tuple[np.ndarray, float]:
    """Say for each second of the hypnogram whether its EEG is fit, and how large sleep's EEG is.

    Returns
    -------
    fit
        Shape (seconds,): neither it nor a neighbour has a gap, nothing goes beyond ``ARTEFACT`` deviations,
        and it is not flat.
    size
        Median over the seconds of N2 and N3 of the standard deviation, in the EEG's unit.
    """
    seconds = min(len(asleep), int(len(eeg) / rate))
    edges = np.round(np.arange(seconds) * rate).astype(int)
    fit = np.zeros(len(asleep), bool)
    if not seconds:
        return fit, 0.0
    eeg = eeg[: round(seconds * rate)]
    there = np.isfinite(eeg)
    whole = np.minimum.reduceat(there, edges)
    known = np.where(there, eeg, 0)
    high, low = np.maximum.reduceat(known, edges), np.minimum.reduceat(known, edges)
    square = np.add.reduceat(known.astype(float) ** 2, edges) / rate
    usable = ndimage.binary_erosion(whole, np.ones(3, bool), border_value=1) & (high > low)
    own = usable & asleep[:seconds]
    size = float(np.sqrt(np.median(square[own]))) if own.any() else 0.0
    fit[:seconds] = usable & (np.maximum(high, -low) <= ARTEFACT * size)
    return fit, size


def _of_length(flags: np.ndarray, samples: int, rate: float) -> np.ndarray:
    """Cut flags per second, or add false ones, to the whole seconds of the EEG."""
    seconds = int(samples / rate)
    return np.pad(flags[:seconds], (0, max(0, seconds - len(flags))))


def _sums(
    epochs: int, starts: Sequence[float], **values: Sequence[float] | None
) -> dict[str, list[float] | None]:
    """Count events per epoch and add up their values there; ``None`` for a value that is not known."""
    of = np.minimum((np.array(starts, float) / EPOCH_SECONDS).astype(int), epochs - 1)

    def total(weights: Sequence[float] | None) -> list[float]:
        return np.round(np.bincount(of, weights, minlength=epochs), 3).tolist()

    return {"count": np.bincount(of, minlength=epochs).tolist()} | {
        name: None if given is None else total(given) for name, given in values.items()
    }


def _relative(size: float) -> Text:
    written = quality.microvolts(size)
    return Text(_RELATIVE.en.format(size=written), _RELATIVE.fr.format(size=written.replace(".", ",")))

"""What can be said of a trace before staging, epoch by epoch: flat, clipped, mains, detached, artefact.

Everything is measured per second while the file is read, and judged per epoch afterwards against the
night's own usual, because neither units nor gains of recorders can be trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml import numbers
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.contracts import Finding, Problem, Severity, Text

MAINS_HZ = (50.0, 60.0)
IMPLAUSIBLE = ("amplitude_low", "amplitude_high")
REASONS = ("flat", "clipped", "mains", "detached", "artefact")
PLAUSIBLE = (4.0, 120.0)
"""Usual standard deviation of a sleeper's EEG in µV (18 to 96 in the recordings of UCDDB and rsleep): beyond
these the scale of a file is not believed, by anything that depends on it."""
_EYES = 3.0
"""Times which an EOG may be larger: a glance is several times an alpha wave."""
_MUCH = 0.05
# An epoch is judged by the larger part of it, as the AASM manual assigns stages.
_MOST = 0.5
# Of samples at the limits of the converter: the tops of a few large waves may be cut without harm.
_CLIPPED = 0.05
# Mains above the rest of the signal in power: its trace is a band, and so strong a pick-up means an
# electrode of high impedance. The staging filter takes the mains itself away, not what comes with it.
_SWAMPED = 1.0
# The amplitude of one sleeper's EEG varies about sixfold over a night (alpha 10 µV to slow waves 75 µV);
# these are beyond it on either side.
_LOST = 0.05
_BURST = {"eeg": 8.0, "eog": 20.0}  # blinks stand out of the EOG of sleep as movements do of the EEG
# Range of the second's means within an epoch against what is on them: slow waves reach 3, sweat about 5,
# an amplifier without high-pass 10; a drying or loose electrode goes far beyond.
_DRIFT = 20.0
# A burst as long as this is no movement: four epochs, two minutes.
_LASTING_EPOCHS = 4


@dataclass(frozen=True, slots=True)
class Quality:
    """Measurements of one trace.

    Parameters
    ----------
    reasons
        Shape (epochs,), int8: 0 for nothing remarkable (or nothing recorded), else 1 + the position in
        :data:`REASONS`.
    flat, clipped
        Shares of recorded epochs that are flat, and of samples at the limits of the converter.
    mains
        Share of recorded epochs in which the mains is stronger than the signal.
    mains_hz
        Which mains: 50 or 60 Hz.
    amplitude
        Median over epochs of the standard deviation, in µV (or the trace's unit).
    """

    reasons: np.ndarray
    flat: float
    clipped: float
    mains: float
    mains_hz: float
    amplitude: float

    @property
    def dead(self) -> bool:
        """Whether nothing was recorded on it."""
        return self.flat > 0.95 or self.amplitude == 0

    def share(self, reason: str) -> float:
        """Return the share of all epochs that have this reason."""
        return float((self.reasons == 1 + REASONS.index(reason)).mean()) if self.reasons.size else 0.0

    def runs(self) -> list[list]:
        """Return ``[first epoch, number, reason]`` of every run of remarkable epochs."""
        edges = np.flatnonzero(np.diff(self.reasons, prepend=0, append=0))
        starts = [int(edge) for edge in edges if edge < len(self.reasons) and self.reasons[edge]]
        ends = {start: int(edges[edges > start][0]) for start in starts}
        return [[s, ends[s] - s, REASONS[self.reasons[s] - 1]] for s in starts]


class Tally:
    """One trace measured second by second while it is read.

    Parameters
    ----------
    kind
        As in ``montage``; detachment is only judged for EEG and EOG.
    rate
        Samples per second.
    resolution
        Size of one digital step in the trace's unit.
    seconds
        Length of the grid.
    """

    def __init__(self, kind: str, rate: float, resolution: float, seconds: float) -> None:
        self._kind, self._resolution = kind, resolution
        self._per = max(1, round(rate))
        self._seconds = int(seconds + 1e-6)
        # Two samples per period and some more: beyond it the mains cannot be told.
        self._hz = tuple(hz for hz in MAINS_HZ if rate > 2.2 * hz)
        angles = 2 * np.pi * np.outer(np.arange(self._per) / rate, self._hz)
        self._waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        self._spread = np.full(self._seconds, np.nan, np.float32)
        self._range = np.full(self._seconds, np.nan, np.float32)
        self._mean = np.full(self._seconds, np.nan, np.float32)
        self._mains = np.zeros((self._seconds, len(self._hz)), np.float32)
        self._clipped = np.zeros(self._seconds, np.float32)

    def feed(self, onset_s: float, samples: np.ndarray, clipped: np.ndarray) -> None:
        """Measure a piece, whole seconds of it.

        Parameters
        ----------
        onset_s
            Time of the first sample on the grid.
        samples
            Shape (n,), float32, in the trace's unit.
        clipped
            Shape (n,), bool: where the converter stood at one of its limits.
        """
        first = round(onset_s)
        count = min(len(samples) // self._per, self._seconds - first)
        if count <= 0:
            return
        at, whole = slice(first, first + count), count * self._per
        x = samples[:whole].reshape(count, self._per)
        mean = x.mean(axis=1)
        self._mean[at] = mean
        self._range[at] = x.max(axis=1) - x.min(axis=1)
        # Around the middle of the piece: a large offset must not eat the digits of float32.
        centred = x - mean[:, None]
        self._spread[at] = np.einsum("ij,ij->i", centred, centred) / self._per
        if self._hz:
            parts = (centred @ self._waves) ** 2 * (2 / self._per**2)
            self._mains[at] = parts[:, : len(self._hz)] + parts[:, len(self._hz) :]
        if clipped.any():
            self._clipped[at] = clipped[:whole].reshape(count, self._per).mean(axis=1)

    def judge(self, epochs: int) -> Quality:
        """Judge every epoch of the grid."""
        spread, still = self._by_epoch(self._spread, epochs), self._by_epoch(self._range, epochs)
        means, clipped = self._by_epoch(self._mean, epochs), self._by_epoch(self._clipped, epochs)
        recorded = np.isfinite(spread).any(axis=1)
        number = np.maximum(np.isfinite(spread).sum(axis=1), 1)
        within = np.nansum(spread, axis=1) / number
        deviation = np.sqrt(within)
        flat = ((still <= 1.5 * self._resolution).sum(axis=1) / number > _MOST) & recorded
        mains, mains_hz = self._mains_by_epoch(within, number, epochs)
        reasons = np.zeros(epochs, np.int8)
        alive = recorded & ~flat
        usual = float(np.median(deviation[alive])) if alive.any() else 0.0
        burst = deviation > _BURST.get(self._kind, np.inf) * usual
        if self._kind in _BURST and usual > 0:
            reasons[alive & burst] = 1 + REASONS.index("artefact")
            reasons[alive & self._detached(deviation, means, usual, burst)] = 1 + REASONS.index("detached")
        reasons[mains & alive] = 1 + REASONS.index("mains")
        reasons[(np.nansum(clipped, axis=1) / number > _CLIPPED) & alive] = 1 + REASONS.index("clipped")
        reasons[flat] = 1 + REASONS.index("flat")
        total = max(1, int(recorded.sum()))
        measured = np.isfinite(self._spread)
        return Quality(
            reasons=reasons,
            flat=float(flat.sum() / total),
            clipped=float(self._clipped[measured].mean()) if measured.any() else 0.0,
            mains=float((mains & alive).sum() / total),
            mains_hz=mains_hz,
            amplitude=self._amplitude(within, means, recorded),
        )

    def _by_epoch(self, per_second: np.ndarray, epochs: int) -> np.ndarray:
        padded = np.full(epochs * EPOCH_SECONDS, np.nan, np.float32)
        size = min(len(per_second), len(padded))
        padded[:size] = per_second[:size]
        return padded.reshape(epochs, EPOCH_SECONDS)

    def _mains_by_epoch(
        self, within: np.ndarray, number: np.ndarray, epochs: int
    ) -> tuple[np.ndarray, float]:
        """Whether the mains is stronger than all the rest, and which mains it is."""
        if not self._hz:
            return np.zeros(epochs, bool), MAINS_HZ[0]
        sums = [np.nansum(self._by_epoch(column, epochs), axis=1) for column in self._mains.T]
        powers = np.stack(sums) / number
        which = int(powers.sum(axis=1).argmax())
        rest = np.maximum(within - powers[which], 1e-12)
        return powers[which] > _SWAMPED * rest, self._hz[which]

    def _detached(
        self, deviation: np.ndarray, means: np.ndarray, usual: float, burst: np.ndarray
    ) -> np.ndarray:
        """Sudden loss, a huge slow drift, or noise of high impedance that lasts."""
        wander = np.nanmax(np.nan_to_num(means, nan=-np.inf), axis=1) - np.nanmin(
            np.nan_to_num(means, nan=np.inf), axis=1
        )
        lost = deviation < _LOST * usual
        drifting = np.isfinite(wander) & (wander > _DRIFT * np.maximum(deviation, usual))
        return lost | drifting | _lasting(burst)

    def _amplitude(self, within: np.ndarray, means: np.ndarray, recorded: np.ndarray) -> float:
        """Median over epochs of the standard deviation of all samples of the epoch."""
        if not recorded.any():
            return 0.0
        slow = np.nanvar(means[recorded], axis=1)
        return float(np.median(np.sqrt(within[recorded] + slow)))


def _lasting(found: np.ndarray) -> np.ndarray:
    """Keep only runs of at least :data:`_LASTING_EPOCHS`."""
    kept = np.zeros_like(found)
    edges = np.flatnonzero(np.diff(found.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        kept[start:end] = end - start >= _LASTING_EPOCHS
    return kept


def findings(label: str, quality: Quality, *, voltage: bool, eyes: bool = False) -> list[Finding]:
    """Say what is remarkable of a derivation.

    Parameters
    ----------
    voltage
        Whether the header gives a unit of voltage, so that the amplitude means something.
    eyes
        Whether it is an EOG.
    """
    found = [
        _amplitude(label, quality.amplitude, PLAUSIBLE[1] * (_EYES if eyes else 1))
        if voltage
        else _unitless(label, quality)
    ]
    mains = f"{quality.mains_hz:.0f} Hz"
    for share, code, text in (
        (quality.flat, "flat", Text(f"{label}: flat epochs", f"{label} : époques plates")),
        (quality.clipped, "clipped", Text(f"{label}: samples clipped", f"{label} : échantillons écrêtés")),
        (quality.mains, "mains", Text(
            f"{label}: epochs swamped by the mains ({mains})",
            f"{label} : époques noyées par le secteur ({mains})",
        )),
        (quality.share("detached"), "detached", Text(
            f"{label}: epochs with a detached electrode", f"{label} : époques avec électrode décollée",
        )),
        (quality.share("artefact"), "artefact", Text(
            f"{label}: epochs with bursts of artefact", f"{label} : époques avec bouffées d’artéfacts",
        )),
    ):  # fmt: skip
        if share > 0.001:
            found.append(Finding(code, text, f"{100 * share:.1f}", "%", attention=share > _MUCH))
    return found


def _unitless(label: str, quality: Quality) -> Finding:
    return Finding("unit_unknown", Text(
        f"{label}: the file names no unit; stages do not depend on the scale",
        f"{label} : le fichier n’indique pas d’unité ; les stades ne dépendent pas de l’échelle",
    ), microvolts(quality.amplitude))  # fmt: skip


def _amplitude(label: str, amplitude: float, largest: float) -> Finding:
    value = microvolts(amplitude)
    if amplitude < PLAUSIBLE[0]:
        return Finding("amplitude_low", Text(
            f"{label}: too small for its unit; this looks like volts or millivolts written as microvolts. "
            "Stages do not depend on the scale, amplitude rules by eye do",
            f"{label} : trop petit pour son unité ; on dirait des volts ou des millivolts notés en "
            "microvolts. Les stades ne dépendent pas de l’échelle, les critères d’amplitude à l’œil, si",
        ), value, "µV", attention=True)  # fmt: skip
    if amplitude > largest:
        return Finding("amplitude_high", Text(
            f"{label}: too large for its unit (a wrong unit or gain in the file?), or no EEG but noise. "
            "Stages do not depend on the scale, amplitude rules by eye do",
            f"{label} : trop grand pour son unité (unité ou gain erronés dans le fichier ?), ou bruit et non "
            "signal. Les stades ne dépendent pas de l’échelle, les critères d’amplitude à l’œil, si",
        ), value, "µV", attention=True)  # fmt: skip
    return Finding("amplitude", Text(f"{label}: amplitude", f"{label} : amplitude"), value, "µV")


def microvolts(amplitude: float) -> str:
    """Write an amplitude with three digits and without a power of ten, as nobody reads those."""
    return np.format_float_positional(amplitude, precision=3, fractional=False, trim="-")


def warnings(found: Sequence[Finding]) -> tuple[Problem, ...]:
    """Return what must be read before the stages: amplitudes that no EEG has."""
    return tuple(
        Problem(one.code, _with_amplitude(one), severity=Severity.WARN)
        for one in found
        if one.code in IMPLAUSIBLE
    )


def _with_amplitude(found: Finding) -> Text:
    return Text(
        f"{found.label.en} ({numbers.grouped(found.value)} µV).",
        f"{found.label.fr} ({numbers.grouped(found.value, ',')} µV).",
    )

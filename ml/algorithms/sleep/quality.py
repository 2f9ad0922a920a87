"""What can be said of a derivation before staging: flat, clipped, of an implausible amplitude."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.edf_header import Signal
from ml.contracts import Finding, Text

# Median over epochs of the standard deviation of an EEG or EOG, in µV. A scalp EEG of a night lies
# between about 5 and 80; the limits are a factor of ten away.
_TOO_SMALL, _TOO_LARGE = 0.5, 800.0
_MUCH = 0.05


@dataclass(frozen=True, slots=True)
class Quality:
    """Measurements of one derivation.

    Parameters
    ----------
    flat, clipped
        Shares of epochs without any variation, and of samples at the limits of the converter.
    amplitude
        Median over epochs of the standard deviation, in µV.
    """

    flat: float
    clipped: float
    amplitude: float

    @property
    def dead(self) -> bool:
        """Whether nothing was recorded on it."""
        return self.flat > 0.95 or self.amplitude == 0


def measure(samples: np.ndarray, digital: np.ndarray, signal: Signal, rate: float) -> Quality:
    """Measure one derivation.

    Parameters
    ----------
    samples
        Shape (n,): in µV.
    digital
        Shape (n,): as stored, of the derivation's first signal.
    """
    per_epoch = max(1, int(rate * EPOCH_SECONDS))
    whole = len(samples) // per_epoch * per_epoch
    pieces = slice(0, whole) if whole else slice(None)
    size = per_epoch if whole else len(samples)
    spread = samples[pieces].reshape(-1, size).std(axis=1)
    stored = digital[pieces].reshape(-1, size)
    # In int32: the full range of int16 does not fit into itself.
    moved = stored.max(axis=1).astype(np.int32) - stored.min(axis=1)
    extremes = (digital >= signal.digital_max) | (digital <= signal.digital_min)
    return Quality(
        flat=float((moved <= 1).mean()),
        clipped=float(extremes.mean()),
        amplitude=float(np.median(spread)),
    )


def findings(label: str, quality: Quality, *, voltage: bool) -> list[Finding]:
    """Say what is remarkable of a derivation.

    Parameters
    ----------
    voltage
        Whether the header gives a unit of voltage, so that the amplitude means something.
    """
    found = [_amplitude(label, quality, voltage)]
    for share, code, text in (
        (quality.flat, "flat", Text(f"{label}: flat epochs", f"{label} : époques plates")),
        (quality.clipped, "clipped", Text(f"{label}: samples clipped", f"{label} : échantillons écrêtés")),
    ):  # fmt: skip
        if share > 0.001:
            found.append(Finding(code, text, f"{100 * share:.1f}", "%", attention=share > _MUCH))
    return found


def _amplitude(label: str, quality: Quality, voltage: bool) -> Finding:
    value = f"{quality.amplitude:.3g}"
    if not voltage:
        return Finding("unit_unknown", Text(
            f"{label}: the file names no unit; stages do not depend on the scale",
            f"{label} : le fichier n’indique pas d’unité ; les stades ne dépendent pas de l’échelle",
        ), value)  # fmt: skip
    if quality.amplitude < _TOO_SMALL:
        return Finding("amplitude_low", Text(
            f"{label}: far too small for its unit; this looks like volts or millivolts written as "
            "microvolts. "
            "Stages do not depend on the scale, amplitude rules by eye do",
            f"{label} : bien trop petit pour son unité ; on dirait des volts ou des millivolts notés en "
            "microvolts. Les stades ne dépendent pas de l’échelle, les critères d’amplitude à l’œil, si",
        ), value, "µV", attention=True)  # fmt: skip
    if quality.amplitude > _TOO_LARGE:
        return Finding("amplitude_high", Text(
            f"{label}: far too large for its unit, or badly disturbed. Stages do not depend on the scale",
            f"{label} : bien trop grand pour son unité, ou très perturbé. "
            "Les stades ne dépendent pas de l’échelle",
        ), value, "µV", attention=True)  # fmt: skip
    return Finding("amplitude", Text(f"{label}: amplitude", f"{label} : amplitude"), value, "µV")

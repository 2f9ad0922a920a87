"""The words of the sleep report and explanation, in both languages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ml.algorithms.sleep.features import BANDS
from ml.algorithms.sleep.statistics import UNSCORED
from ml.contracts import Text

STAGE_NAMES = {
    "W": Text("wake", "éveil"),
    "N1": Text("N1", "N1"),
    "N2": Text("N2", "N2"),
    "N3": Text("N3", "N3"),
    "R": Text("REM sleep", "sommeil paradoxal"),
}
BAND_NAMES = {
    "delta": Text("delta (0.5–4 Hz)", "delta (0,5–4 Hz)"),
    "theta": Text("theta (4–8 Hz)", "thêta (4–8 Hz)"),
    "alpha": Text("alpha (8–12 Hz)", "alpha (8–12 Hz)"),
    "sigma": Text("sigma (12–16 Hz, spindles)", "sigma (12–16 Hz, fuseaux)"),
    "beta": Text("beta (16–30 Hz)", "bêta (16–30 Hz)"),
}
# What the epochs around an epoch of a stage are when they speak for it.
AROUND = {
    "W": Text("awake", "éveillées"),
    "N1": Text("drowsy", "somnolentes"),
    "N2": Text("in light sleep", "en sommeil léger"),
    "N3": Text("deep", "profondes"),
    "R": Text("REM-like", "de type paradoxal"),
}
# Of the trees' score or of log probability: less is not worth a word.
_WORTH_SAYING = 0.05
_REASONS = 2
SLOT_NAMES = {
    "eeg_frontal_central": Text("frontal or central EEG", "EEG frontal ou central"),
    "eeg_posterior": Text("posterior EEG", "EEG postérieur"),
    "eog": Text("EOG", "EOG"),
    "emg_chin": Text("chin EMG (shown, not used for staging)", "EMG mentonnier (affiché, non utilisé)"),
}


def reasons(
    stage: str, channels: Sequence[str | None], now: np.ndarray, levels: np.ndarray, around: float
) -> Text:
    """Say in a sentence what spoke for the stage of one epoch.

    Parameters
    ----------
    stage
        The stage drafted.
    channels
        Label of the derivation in each slot.
    now, levels
        Shape (3, 5): how much each band of the epoch itself spoke for the stage, and how it lies against the
        night.
    around
        How much the epochs around it did.
    """
    if stage == UNSCORED:
        return Text("Not staged: a gap in the recording.", "Non coté : interruption de l’enregistrement.")
    bands = [
        _band(channels[slot], list(BANDS)[band], strong=levels[slot, band] >= 0)
        for slot, band in zip(
            *np.unravel_index(np.argsort(-now, axis=None, kind="stable"), now.shape), strict=True
        )
        if now[slot, band] >= _WORTH_SAYING and channels[slot] is not None
    ][:_REASONS]
    parts = []
    if bands:
        parts.append(Text(
            " and ".join(band.en for band in bands) + " for this night",
            " et ".join(band.fr for band in bands) + " pour cette nuit",
        ))  # fmt: skip
    if around >= _WORTH_SAYING:
        parts.append(Text(
            f"the epochs around it are {AROUND[stage].en}",
            f"les époques voisines sont {AROUND[stage].fr}",
        ))  # fmt: skip
    if not parts:
        return Text(
            f"{stage}: nothing in the epoch stands out; it follows from the course of the night.",
            f"{stage} : rien ne se détache dans l’époque ; le stade découle du déroulement de la nuit.",
        )
    return Text(
        f"{stage}: {', and '.join(part.en for part in parts)}.",
        f"{stage} : {', et '.join(part.fr for part in parts)}.",
    )


def _band(channel: str, band: str, *, strong: bool) -> Text:
    name = BAND_NAMES[band].fr.split(" (")[0]
    return Text(
        f"{band} {'strong' if strong else 'weak'} at {channel}",
        f"activité {name} {'forte' if strong else 'faible'} en {channel}",
    )


def minutes(value: float | None) -> Text:
    """Write minutes as hours and minutes from an hour up, a dash where undefined."""
    if value is None:
        return Text("–", "–")
    if value < 60:
        return number(value, 1, " min")
    hours, rest = divmod(round(value), 60)
    return Text(f"{hours} h {rest:02d} min", f"{hours} h {rest:02d} min")


def number(value: float | None, decimals: int, unit: str = "") -> Text:
    """Write a number, with a comma and a narrow no-break space before % in French; a dash where undefined."""
    if value is None:
        return Text("–", "–")
    plain = f"{value:.{decimals}f}"
    apart = "\u202f" if unit.startswith("%") else ""
    return Text(plain + unit, plain.replace(".", ",") + apart + unit)

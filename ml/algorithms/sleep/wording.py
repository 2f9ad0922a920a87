"""The words of the sleep report and explanation, in both languages."""

from __future__ import annotations

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
SLOT_NAMES = {
    "eeg_frontal_central": Text("frontal or central EEG", "EEG frontal ou central"),
    "eeg_posterior": Text("posterior EEG", "EEG postérieur"),
    "eog": Text("EOG", "EOG"),
    "emg_chin": Text("chin EMG (shown, not used for staging)", "EMG mentonnier (affiché, non utilisé)"),
}


def minutes(value: float | None) -> Text:
    """Write minutes as hours and minutes from an hour up, a dash where undefined."""
    if value is None:
        return Text("–", "–")
    if value < 60:
        return number(value, 1, " min")
    hours, rest = divmod(round(value), 60)
    return Text(f"{hours} h {rest:02d} min", f"{hours} h {rest:02d} min")


def number(value: float | None, decimals: int, unit: str = "") -> Text:
    """Write a number, with a comma and a narrow space before % in French; a dash where undefined."""
    if value is None:
        return Text("–", "–")
    plain = f"{value:.{decimals}f}"
    return Text(plain + unit, plain.replace(".", ",") + unit.replace("%", " %"))

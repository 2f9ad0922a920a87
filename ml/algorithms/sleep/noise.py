"""A recording that is no sleep: every channel of a montage carries noise and nothing else.

For seeing what the staging says of a signal without a patient behind it. A stage on it means nothing.
"""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import edfio
import numpy as np

from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.simulate import EQUIPMENT, RATE

LABELS = ("EEG F4-M1", "EEG C4-M1", "EEG O2-M1", "EOG E1-M2", "EOG E2-M2", "EMG Chin")
MICROVOLTS = 20.0
LIMIT = 500.0


def write_noise(path: Path, *, hours: float = 1.0, seed: int = 0) -> None:
    """Write white Gaussian noise of 20 µV on every channel as EDF+, marked as simulated.

    Parameters
    ----------
    path
        File to write.
    hours
        Length; at least one epoch.
    seed
        The same seed gives the same noise.

    Raises
    ------
    ValueError
        When it would be shorter than one epoch.
    """
    seconds = int(hours * 3600 / EPOCH_SECONDS) * EPOCH_SECONDS
    if not seconds:
        raise ValueError(f"expected at least {EPOCH_SECONDS} s, got {hours} h")
    rng = np.random.default_rng(seed)
    edfio.Edf(
        [
            edfio.EdfSignal(
                np.clip(rng.normal(0, MICROVOLTS, seconds * RATE), -LIMIT, LIMIT),
                RATE,
                label=label,
                physical_dimension="uV",
                physical_range=(-LIMIT, LIMIT),
                prefiltering=EQUIPMENT,
            )
            for label in LABELS
        ],
        patient=edfio.Patient(),
        recording=edfio.Recording(startdate=date(2026, 1, 5), equipment_code=EQUIPMENT),
        starttime=time(22, 45),
        data_record_duration=1.0,
    ).write(path)

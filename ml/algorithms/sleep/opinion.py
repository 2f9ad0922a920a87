"""YASA as a second opinion on a night, where a site has installed it; nothing of the product needs it.

YASA (Vallat & Walker 2021) reads its classifiers from pickles and pins other versions than we do: it lives
in an environment of its own (``requirements/yasa.txt``, ``make yasa``) and is spoken to through a process.
"""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.algorithms.sleep import agreement, quality
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.features import EPOCH_SAMPLES, RATE
from ml.algorithms.sleep.recorded import Recorded
from ml.algorithms.sleep.statistics import UNSCORED
from ml.contracts import Text

log = logging.getLogger(__name__)

NAME = "yasa"
SWITCH = "VIGIE_YASA"
WORKER = Path(__file__).with_name("opinion_worker.py")
# YASA's features depend on the scale, and a wrong unit costs it fifteen points without a word: outside these
# (median over the night of an epoch's standard deviation, 0.3–35 Hz) it is not asked.
AMPLITUDES = quality.PLAUSIBLE
_SHORTEST_SECONDS = 5 * 60
_SECONDS = 300


def python() -> Path:
    """Return the Python of YASA's environment: that of ``VIGIE_YASA``, or where ``make yasa`` puts it."""
    return Path(os.environ.get(SWITCH) or packages.DATA / "yasa" / "bin" / "python")


def installed() -> bool:
    """Return whether YASA can be asked here."""
    return python().is_file()


def wanted(options: Mapping[str, Any]) -> bool:
    """Return whether a study gets a second opinion: when its sender or the site asks for it, and it is there.

    Parameters
    ----------
    options
        ``opinion``: ``"yasa"`` or ``"none"``; without it the site decides by setting ``VIGIE_YASA``.
    """
    asked = options.get("opinion") or (NAME if os.environ.get(SWITCH) else "none")
    return asked == NAME and installed()


def of(recorded: Recorded, stages: Sequence[str]) -> dict[str, Any] | None:
    """Ask YASA about a night.

    Parameters
    ----------
    recorded
        With its first EEG derivation in µV.
    stages
        The draft, to compare with.

    Returns
    -------
    dict or None
        ``None`` when nobody asked or nothing can be asked. Else ``by``, ``version``, ``derivation``,
        ``stages`` per epoch (``"?"`` outside stretches of five minutes), ``agreement`` (κ with the draft);
        or ``stages`` ``None`` and ``why``, in both languages.
    """
    if not recorded.opinion or recorded.eeg is None:
        return None
    about = {"by": NAME, "version": "", "derivation": recorded.eeg_label, "stages": None, "agreement": None}
    stretches = _stretches(recorded)
    if not stretches:
        return {**about, "why": _TOO_SHORT.as_json()}
    amplitude = _amplitude(list(stretches.values()))
    if not AMPLITUDES[0] <= amplitude <= AMPLITUDES[1]:
        return {**about, "why": _scale(amplitude).as_json()}
    answer = _asked(list(stretches.values()))
    if answer is None:
        return {**about, "why": _FAILED.as_json()}
    found = [UNSCORED] * len(stages)
    for first, part in zip(stretches, answer["stages"], strict=True):
        kept = part[: len(stages) - first]
        found[first : first + len(kept)] = kept
    kappa = agreement.compare(list(stages), found, repeats=0).kappa.value
    return {
        **about,
        "version": answer["version"],
        "stages": found,
        "agreement": None if kappa is None else round(kappa, 3),
    }


def _stretches(recorded: Recorded) -> dict[int, np.ndarray]:
    """Uninterrupted signal of at least five minutes, by its first epoch."""
    found = {}
    for first, count in recorded.segments:
        part = recorded.eeg[first * EPOCH_SAMPLES : (first + count) * EPOCH_SAMPLES]
        if count * EPOCH_SECONDS >= _SHORTEST_SECONDS and np.isfinite(part).all():
            found[first] = part
    return found


def _amplitude(parts: Sequence[np.ndarray]) -> float:
    whole = [part[: len(part) // EPOCH_SAMPLES * EPOCH_SAMPLES].reshape(-1, EPOCH_SAMPLES) for part in parts]
    return float(np.median(np.concatenate([epochs.std(axis=1) for epochs in whole])))


def _asked(parts: Sequence[np.ndarray]) -> dict[str, Any] | None:
    """Give the signals to YASA's process and return its answer; ``None`` when it has none."""
    sent = io.BytesIO()
    np.savez(sent, rate=RATE, **{f"part_{i:03}": part for i, part in enumerate(parts)})
    try:
        # Isolated: neither this folder's modules nor the environment's settings reach the other Python.
        done = subprocess.run(
            (str(python()), "-I", str(WORKER)),
            input=sent.getvalue(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        return json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
        # A second opinion that fails must not cost the first one; what it said may quote the recording.
        log.error("second opinion failed", extra={"error": type(error).__name__})
        return None


def _scale(amplitude: float) -> Text:
    shown = quality.microvolts(amplitude)
    return Text(
        f"YASA was not asked: an epoch of this EEG varies by {shown} µV as a rule, and by "
        f"{AMPLITUDES[0]:.0f} to {AMPLITUDES[1]:.0f} µV in any night. The unit in the file looks wrong, and "
        "YASA's stages depend on it.",
        "YASA n’a pas été interrogé : une époque de cet EEG varie en général de "
        f"{shown.replace('.', ',')} µV, contre {AMPLITUDES[0]:.0f} à {AMPLITUDES[1]:.0f} µV pour une nuit. "
        "L’unité du fichier semble erronée, et les stades de YASA en dépendent.",
    )


_TOO_SHORT = Text(
    "YASA was not asked: no uninterrupted stretch lasts five minutes.",
    "YASA n’a pas été interrogé : aucune partie continue ne dure cinq minutes.",
)
_FAILED = Text("YASA gave no answer.", "YASA n’a pas répondu.")

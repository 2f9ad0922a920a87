"""Whether a signal is there often enough for its figures to be said: the gate of oxygen and breathing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.contracts import Text

ADEQUATE_HOURS = 4.0
"""What the AASM asks of a home study: four hours of adequate oximetry and flow (Kapur 2017)."""
ADEQUATE_SHARE = 0.7
USABLE_HOURS = 0.5
USABLE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Words:
    """What the gate says of one signal: its name, and what to look at."""

    signal: Text
    advice: Text


@dataclass(frozen=True, slots=True)
class Gate:
    """What may be said of a signal.

    Parameters
    ----------
    share
        Share of the recording with a usable signal, 0 to 1.
    hours
        Hours with a usable signal.
    usable
        Whether anything is computed at all.
    adequate
        Whether the figures stand without a warning.
    reasons
        Why not, and what was noticed.
    """

    share: float
    hours: float
    usable: bool
    adequate: bool
    reasons: tuple[Text, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "share": round(self.share, 4),
            "hours": round(self.hours, 3),
            "usable": self.usable,
            "adequate": self.adequate,
            "reasons": [reason.as_json() for reason in self.reasons],
        }


def gate_of(there: np.ndarray, words: Words, noticed: Sequence[Text] = ()) -> Gate:
    """Judge a signal by the seconds at which it is usable.

    Parameters
    ----------
    there
        Shape (seconds,): whether the signal is usable.
    words
        How to speak of it.
    noticed
        Remarks to keep whatever the verdict.
    """
    share = float(there.mean()) if there.size else 0.0
    hours = float(there.sum()) / 3600
    usable = hours >= USABLE_HOURS and share >= USABLE_SHARE
    adequate = hours >= ADEQUATE_HOURS and share >= ADEQUATE_SHARE
    said = () if adequate else (_sentence(words, share, hours, usable=usable),)
    return Gate(share, hours, usable, adequate, (*said, *noticed))


def _sentence(words: Words, share: float, hours: float, *, usable: bool) -> Text:
    """Say how much of the signal is there, and what follows."""
    there = Text(
        f"{hours:.1f} h ({100 * share:.0f}%)", f"{hours:.1f} h ({100 * share:.0f} %)".replace(".", ",")
    )
    if usable:
        return Text(
            f"{words.signal.en} is usable during {there.en} only; the AASM asks for 4 h. Read the figures "
            f"with care: {words.advice.en}",
            f"{words.signal.fr} n’est exploitable que pendant {there.fr} ; l’AASM demande 4 h. Chiffres à "
            f"lire avec prudence : {words.advice.fr}",
        )
    return Text(
        f"{words.signal.en} is usable during {there.en} only: no figures are given; {words.advice.en}",
        f"{words.signal.fr} n’est exploitable que pendant {there.fr} : aucun chiffre n’est donné ; "
        f"{words.advice.fr}",
    )

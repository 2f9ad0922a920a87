"""Which answers may still become others after admission, for this woman."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.haemorrhage.model import Model

# Over the cervix, the placenta leaves no choice: the caesarean is not a factor to play with.
CAESAREAN_IS_DUE = frozenset({"praevia", "accreta"})


def factors(coefficients: Model, typed: Mapping[str, Any]) -> list[str]:
    """Return the names of the factors that may still change.

    Parameters
    ----------
    typed
        Checked answers. With a placenta praevia or a suspected accreta the onset is settled.
    """
    settled = {"onset"} if typed.get("placenta") in CAESAREAN_IS_DUE else set()
    return [f.name for f in coefficients.factors if f.modifiable and f.name not in settled]


def fields(coefficients: Model, typed: Mapping[str, Any]) -> list[str]:
    """Return the fields of the form that those factors are asked in."""
    return [name for factor in factors(coefficients, typed) for name in coefficients.by_name[factor].fields]

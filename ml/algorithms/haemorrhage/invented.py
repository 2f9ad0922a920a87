"""Invented admissions for the test bench: no woman stands behind any of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Source
from ml.invented import Invented

# What another woman could have had otherwise, and by how much, in the units of the form.
SPREADS = {
    "height_cm": 6,
    "weight_kg": 9,
    "haemoglobin": 0.7,
    "platelets": 35,
    "estimated_fetal_weight_g": 250,
}


def admission(folder: Path, seed: int) -> Invented:
    """Return an admission of now: one of the examples, as another woman might have come."""
    rng = random.Random(seed)  # noqa: S311 (nothing secret hangs on it)
    values = as_of(EXAMPLES[seed % len(EXAMPLES)], datetime.now(UTC))
    for name, spread in SPREADS.items():
        if name in values:
            digits = 1 if isinstance(values[name], float) else None
            values[name] = round(values[name] + spread * rng.uniform(-1, 1), digits)
    return Invented(Source(values=values), {"values": values})


MAKERS = {"synthetic_admission": admission}

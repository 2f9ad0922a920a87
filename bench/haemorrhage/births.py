"""Write the synthetic admissions of the batch, once, so that no side carries what drew them."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path

from bench.haemorrhage.rows import BATCH
from ml.algorithms.haemorrhage import simulate

ROWS = 10_000
# Share of answers left open: with 22 factors hardly a woman of whom all is known.
MISSING = 0.15


def prepare(folder: Path) -> None:
    """Write one form per admission as JSON."""
    births = simulate.births(ROWS, seed=1, missing=MISSING).values
    births["admission_at"] = [moment.replace(tzinfo=UTC) for moment in births["admission_at"]]
    forms = births.drop(columns=["mother", "blood_loss_ml"]).to_dict("records")
    (folder / BATCH).write_text(json.dumps(forms, default=lambda value: value.isoformat()), "utf-8")

"""The answer to one night as a line of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIGURES = (
    "trt", "tst", "se", "sol", "waso", "rem_latency", "n1", "n2", "n3", "r", "n1_percent", "n2_percent",
    "n3_percent", "r_percent", "awakenings",
)  # fmt: skip
COLUMNS = ("epochs", *FIGURES, "uncertain_epochs", "hypnogram", "simulated")
LETTERS = {"N1": "1", "N2": "2", "N3": "3"}


def of_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of a result of :func:`predict.predict`.

    Returns
    -------
    dict
        ``epochs`` of 30 s; the figures of :func:`statistics.statistics`, in minutes and percent;
        ``uncertain_epochs``, how many to check first; ``hypnogram``, one letter an epoch from the start of
        the recording: W, 1, 2, 3, R, and ? where nothing was staged; ``simulated``, yes or no.
    """
    return {
        "epochs": len(result["stages"]),
        **{name: result["statistics"][name] for name in FIGURES},
        "uncertain_epochs": len(result["uncertain"]),
        "hypnogram": "".join(LETTERS.get(stage, stage) for stage in result["stages"]),
        "simulated": "yes" if result["simulated"] else "no",
    }

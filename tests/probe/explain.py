"""Why."""

from __future__ import annotations

import time
from typing import Any

from ml.contracts import Artefact, Explanation, Loaded, Text
from ml.package import Package


def explain(package: Package, loaded: Loaded, result: dict[str, Any]) -> Explanation:
    """Return a reason, or fail when asked to."""
    behaviour = loaded.data.get("explanation")
    if behaviour == "fail":
        raise RuntimeError("no reason")
    if behaviour == "sleep":
        time.sleep(60)
    if behaviour == "eat":
        bytearray(2**30)
    return Explanation(
        "probe",
        Text("Because.", "Parce que."),
        {"weights": [1]},
        (Artefact("why.txt", "text/plain", b"why"),),
    )

"""Why."""

from __future__ import annotations

from typing import Any

from ml.contracts import Artefact, Explanation, Loaded, Text
from ml.package import Package


def explain(package: Package, loaded: Loaded, result: dict[str, Any]) -> Explanation:
    """Return a reason, or fail when asked to."""
    if loaded.data.get("explanation") == "fail":
        raise RuntimeError("no reason")
    return Explanation(
        "probe",
        Text("Because.", "Parce que."),
        {"weights": [1]},
        (Artefact("why.txt", "text/plain", b"why"),),
    )

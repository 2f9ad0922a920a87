"""Write the result of a crash report in plain sections."""

from __future__ import annotations

from typing import Any

from ml.algorithms.accident_severity.contract import CONTRACT
from ml.contracts import Report, Text
from ml.package import Package
from ml.tabular.explaining import percent, report_of

PROBABILITY = Text("Probability of an injury", "Probabilité de blessure")
HEADLINES = {
    "injury": Text(
        "Probability of an injury {p} %, above the threshold",
        "Probabilité de blessure {p} %, au-dessus du seuil",
    ),
    "no_injury": Text(
        "Probability of an injury {p} %, below the threshold",
        "Probabilité de blessure {p} %, au-dessous du seuil",
    ),
}


def report(package: Package, result: dict[str, Any]) -> Report:
    """Return the report of a result."""
    p = percent(result["probability_injury"])
    template = HEADLINES[result["label"]]
    headline = Text(template.en.format(p=p.en), template.fr.format(p=p.fr))
    return report_of(package, CONTRACT, headline, result, result["probability_injury"], PROBABILITY)

"""Write the result of an application in plain sections."""

from __future__ import annotations

from typing import Any

from ml.algorithms.german_credit.contract import CONTRACT
from ml.contracts import Report, Text
from ml.package import Package
from ml.tabular.explaining import percent, report_of

PROBABILITY = Text("Probability of a bad credit", "Probabilité de crédit défaillant")
HEADLINES = {
    "bad": Text(
        "Probability of a bad credit {p} %, above the threshold",
        "Probabilité de crédit défaillant {p} %, au-dessus du seuil",
    ),
    "good": Text(
        "Probability of a bad credit {p} %, below the threshold",
        "Probabilité de crédit défaillant {p} %, au-dessous du seuil",
    ),
}


def report(package: Package, result: dict[str, Any]) -> Report:
    """Return the report of a result."""
    p = percent(result["probability_bad"])
    template = HEADLINES[result["label"]]
    headline = Text(template.en.format(p=p.en), template.fr.format(p=p.fr))
    return report_of(package, CONTRACT, headline, result, result["probability_bad"], PROBABILITY)

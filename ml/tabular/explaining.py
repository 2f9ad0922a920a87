"""Explanation and report of a tabular result, the same for every algorithm of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml.contracts import Contract, Explanation, Field, Report, ReportRow, ReportSection, Text
from ml.package import Package
from ml.tabular.preparation import Table
from ml.tabular.scoring import Scorer, scorer
from ml.tabular.shapley import Shapley, sampled

CLIP = 1e-6
SHOWN = 3
NOT_GIVEN = Text("not given", "non renseigné")
NO_REASON = Text("no field given stands out", "aucun champ renseigné ne se détache")
# Log odds below which a field is not worth naming: it moves an even chance by one point.
WORTH_NAMING = 0.05


def explain_row(package: Package, contract: Contract, row: Mapping[str, Any], outcome: Text) -> Explanation:
    """Return the Shapley contributions of the fields to the log odds of ``outcome``.

    Parameters
    ----------
    outcome
        What the probability is about ("a bad credit"), for the sentence.
    """
    ready = scorer(package)
    found = sampled(lambda table: _log_odds(ready, table), row, ready.background, ready.names)
    contributions = [
        {
            "field": name,
            "label": contract.field(name).label.as_json(),
            "value": written_value(contract.field(name), row.get(name)).as_json(),
            "contribution": round(float(value), 5),
            "standard_error": round(float(error), 5),
        }
        for name, value, error in zip(ready.names, found.values, found.errors, strict=True)
    ]
    contributions.sort(key=lambda c: -abs(c["contribution"]))
    return Explanation(
        method="sampled_shapley",
        sentence=_sentence(contract, ready.names, found, row, outcome),
        data={
            "scale": "log_odds",
            "base": round(found.base, 5),
            "score": round(found.base + float(found.values.sum()), 5),
            "background_rows": len(ready.background),
            "contributions": contributions,
        },
    )


def report_of(
    package: Package,
    contract: Contract,
    headline: Text,
    result: Mapping[str, Any],
    probability: float,
    outcome: Text,
) -> Report:
    """Return the report of a tabular result.

    Parameters
    ----------
    result
        With ``threshold`` and ``imputed``.
    """
    rows = (
        ReportRow(outcome, percent(probability), "%"),
        ReportRow(Text("Threshold", "Seuil"), percent(result["threshold"]), "%"),
    )
    filled = tuple(
        ReportRow(contract.field(name).label, written_value(contract.field(name), value))
        for name, value in result["imputed"].items()
    )
    sections = [ReportSection(Text("Result", "Résultat"), rows)]
    if filled:
        title = Text(
            "Not given, replaced by a typical value", "Non renseignés, remplacés par une valeur habituelle"
        )
        sections.append(ReportSection(title, filled))
    return Report(headline=headline, sections=tuple(sections), limits=package.limits)


def percent(share: float) -> Text:
    """Write a share as a percentage with one decimal, without the sign."""
    plain = f"{100 * share:.1f}"
    return Text(plain, plain.replace(".", ","))


def written_value(field: Field, value: Any) -> Text:
    """Write a typed value in both languages; the label of a choice, never its code."""
    if value is None:
        return NOT_GIVEN
    for choice in field.choices:
        if choice.code == value:
            return choice.label
    plain = f"{value:g}" if isinstance(value, int | float) and abs(value) < 1e5 else str(value)
    return Text(plain, plain.replace(".", ","))


def _log_odds(ready: Scorer, table: Table) -> np.ndarray:
    p = np.clip(ready.probabilities(table), CLIP, 1 - CLIP)
    return np.log(p / (1 - p))


def _sentence(
    contract: Contract, names: tuple[str, ...], found: Shapley, row: Mapping[str, Any], outcome: Text
) -> Text:
    # What sampling cannot tell from nothing is no reason, and neither is what nobody said.
    strong = [
        i
        for i in np.argsort(-np.abs(found.values))
        if abs(found.values[i]) > max(2 * found.errors[i], WORTH_NAMING) and row.get(names[i]) is not None
    ]
    up = [_named(contract, names[i], row) for i in strong if found.values[i] > 0][:SHOWN]
    down = [_named(contract, names[i], row) for i in strong if found.values[i] < 0][:SHOWN]
    return Text(
        f"Raises the probability of {outcome.en}: {_list(up, 'en')}. Lowers it: {_list(down, 'en')}.",
        f"Augmente la probabilité d’{outcome.fr} : {_list(up, 'fr')}. La diminue : {_list(down, 'fr')}.",
    )


def _named(contract: Contract, name: str, row: Mapping[str, Any]) -> Text:
    field = contract.field(name)
    words = written_value(field, row[name])
    unit = f" {field.unit}" if field.unit else ""
    return Text(f"{field.label.en} ({words.en}{unit})", f"{field.label.fr} ({words.fr}{unit})")


def _list(reasons: list[Text], language: str) -> str:
    return ", ".join(reason.to(language) for reason in reasons) or NO_REASON.to(language)

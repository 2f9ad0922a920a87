"""Why the figure is what it is: exact Shapley values on the log odds, a waterfall, and a sentence.

The log odds are a sum of one term per factor, so the Shapley value of a factor is exactly its own term
minus that term's mean over the ward (Štrumbelj and Kononenko 2014; shap's LinearExplainer says the same).
The mean of a risk lies above the risk at the mean log odds; averaging over unknown factors therefore
adds a last step, shown as such, so that the waterfall ends at the figure itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ml.algorithms.haemorrhage import model, modifiable, wording
from ml.algorithms.haemorrhage.load import Admission
from ml.contracts import Explanation, Loaded, Text
from ml.package import Package

# Contributions smaller than this (about 2 % of the odds) are drawn but not put into words.
WORTH_SAYING = 0.02
STRONGEST = 3

# Not the ward's average: the mean of the log odds lies below the log odds of the mean risk.
BASE = Text("Starting point: average woman (log odds)", "Point de départ : femme moyenne (log-odds)")
AVERAGING = Text("What is unknown, averaged over", "Ce qui est inconnu, moyenné")
FINAL = Text("This assessment", "Cette évaluation")


def explain(package: Package, loaded: Loaded, result: dict[str, Any]) -> Explanation:
    """Return the contribution of every answered factor to the log odds.

    Returns
    -------
    Explanation
        ``data``: ``unit`` "log_odds"; ``base``; ``contributions``, strongest first, each ``factor``,
        ``fields``, ``label``, ``value`` (texts), ``contribution``, ``odds_multiplier``,
        ``modifiable``; ``averaging``; ``final`` = base + contributions + averaging = log odds of the
        risk; ``labels`` of the three extra bars; ``base_risk``, ``final_risk``.
    """
    admission: Admission = loaded.data
    coefficients = model.of(package)
    base = coefficients.intercept(admission.incidence) + sum(
        coefficients.mean_log_odds(factor) for factor in coefficients.factors
    )
    contributions = _contributions(coefficients, admission)
    final = model.logit(result["risk"])
    averaging = final - base - sum(entry["contribution"] for entry in contributions)
    return Explanation(
        method="exact_shap",
        sentence=_sentence(contributions),
        data={
            "unit": "log_odds",
            "base": base,
            "base_risk": float(model.sigmoid(base)),
            "contributions": contributions,
            "averaging": averaging,
            "final": final,
            "final_risk": result["risk"],
            "labels": {
                "base": BASE.as_json(),
                "averaging": AVERAGING.as_json(),
                "final": FINAL.as_json(),
            },
        },
    )


def _contributions(coefficients: model.Model, admission: Admission) -> list[dict[str, Any]]:
    strata = coefficients.strata(admission.allowed)
    open_to_change = modifiable.factors(coefficients, admission.typed)
    entries = []
    for name, codes in admission.allowed.items():
        factor = coefficients.by_name[name]
        given = sum(float(s.weight * (s.levels[name] @ factor.log_odds)) for s in strata)
        contribution = given - coefficients.mean_log_odds(factor)
        entries.append(
            {
                "factor": name,
                "fields": list(factor.fields),
                "label": factor.label.as_json(),
                "value": wording.answer(factor, admission.typed, codes).as_json(),
                "contribution": contribution,
                "odds_multiplier": math.exp(contribution),
                "modifiable": name in open_to_change,
            }
        )
    return sorted(entries, key=lambda entry: -abs(entry["contribution"]))


def _sentence(contributions: Sequence[dict[str, Any]]) -> Text:
    raising = [e for e in contributions if e["contribution"] > WORTH_SAYING][:STRONGEST]
    lowering = [e for e in contributions if e["contribution"] < -WORTH_SAYING][:STRONGEST]
    changeable = [e for e in contributions if e["modifiable"] and e["contribution"] > WORTH_SAYING]
    parts = [
        _part(raising, Text("Raises the figure most", "Augmentent le plus le chiffre"))
        or Text("No answer raises the figure.", "Aucune réponse n’augmente le chiffre."),
        _part(lowering, Text("Lowers it most", "Le diminuent le plus")),
        _part(changeable, Text("May still change", "Peuvent encore changer")),
    ]
    said = [part for part in parts if part is not None]
    return Text(" ".join(part.en for part in said), " ".join(part.fr for part in said))


def _part(entries: Sequence[dict[str, Any]], opening: Text) -> Text | None:
    if not entries:
        return None
    reasons = wording.listed([_reason(entry) for entry in entries])
    return Text(f"{opening.en}: {reasons.en}.", f"{opening.fr} : {reasons.fr}.")


def _reason(entry: dict[str, Any]) -> Text:
    label = wording.within_sentence(Text.from_json(entry["label"]))
    value = Text.from_json(entry["value"])
    return Text(f"{label.en} ({value.en})", f"{label.fr} ({value.fr})")

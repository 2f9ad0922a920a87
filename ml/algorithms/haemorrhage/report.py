"""The assessment in plain sections, both languages, one denominator throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.algorithms.haemorrhage import about, wording
from ml.algorithms.haemorrhage.parsing import written
from ml.algorithms.haemorrhage.predict import per_100
from ml.contracts import Report, ReportRow, ReportSection, Text
from ml.package import Metric, Package

DISAGREEMENT = {
    "rule_only": Text(
        "The rule class is high, the figure is not among those flagged: both are shown, neither decides.",
        "La classe de la règle est élevée, le chiffre n’est pas parmi les signalés : les deux sont montrés, "
        "aucun ne décide.",
    ),
    "model_only": Text(
        "The rule class is low, the figure is among those flagged: both are shown, neither decides.",
        "La classe de la règle est faible, le chiffre est parmi les signalés : les deux sont montrés, "
        "aucun ne décide.",
    ),
}
# Nothing unanswered can raise it any more.
HIGHEST = "high"
YES_NO = {True: Text("yes", "oui"), False: Text("no", "non")}


def report(package: Package, result: Mapping[str, Any]) -> Report:
    """Write the result of :func:`predict` out in sections without HTML."""
    return Report(
        headline=wording.headline(result["per_100"]),
        sections=(
            _figure(result),
            _quality(result),
            _rule(result),
            _workload(result),
            _model(package),
        ),
        limits=package.limits,
    )


def _figure(result: Mapping[str, Any]) -> ReportSection:
    numbers = result["per_100"]
    low, high = wording.women(numbers["low"]), wording.women(numbers["high"])
    return ReportSection(
        title=Text("Risk of severe postpartum haemorrhage", "Risque d’hémorragie du post-partum sévère"),
        rows=(
            ReportRow(Text("Women like her", "Femmes comme elle"), _with_one_in(numbers)),
            ReportRow(
                Text("Likely range (95 %)", "Fourchette probable (95 %)"),
                Text(f"about {high.en} in 100", f"environ {high.fr} sur 100")
                if numbers["low"] == numbers["high"]
                else Text(f"{low.en} to {high.en} in 100", f"{low.fr} à {high.fr} sur 100"),
            ),
            ReportRow(Text("Average of this ward", "Moyenne de ce service"), wording.of_100(numbers["ward"])),
        ),
        paragraphs=(about.STANDARD_PREVENTION, about.NO_ORDER),
    )


def _with_one_in(numbers: Mapping[str, Any]) -> Text:
    counted, one_in = wording.of_100(numbers["risk"]), wording.one_in(numbers["one_in"])
    return Text(f"{counted.en} ({one_in.en})", f"{counted.fr} ({one_in.fr})") if one_in else counted


def _quality(result: Mapping[str, Any]) -> ReportSection:
    known, asked = result["known"]
    rows = [
        ReportRow(
            Text("Questions answered", "Questions renseignées"),
            Text(f"{known} of {asked}", f"{known} sur {asked}"),
        )
    ]
    paragraphs = []
    if result["unknown"]:
        rows.append(
            ReportRow(Text("Unknown", "Inconnu"), wording.listed(wording.field_labels(result["unknown"])))
        )
        factor = written(result["unknown_widening"]["factor"], 1)
        paragraphs.append(
            Text(
                "What is unknown was averaged over how common it is, not taken as “no”; it makes the range "
                f"{factor.en} times as wide.",
                "Ce qui est inconnu a été moyenné selon sa fréquence, et non compté comme « non » ; "
                f"la fourchette en est {factor.fr} fois plus large.",
            )
        )
    paragraphs += [Text.from_json(warning["message"]) for warning in result["warnings"]]
    return ReportSection(
        title=Text("What it rests on", "Sur quoi il repose"), rows=tuple(rows), paragraphs=tuple(paragraphs)
    )


def _rule(result: Mapping[str, Any]) -> ReportSection:
    rule = result["rule_class"]
    criteria = [Text.from_json(criterion["label"]) for criterion in rule["criteria"]]
    rows = [
        ReportRow(Text("Class", "Classe"), Text.from_json(rule["label"])),
        ReportRow(
            Text("Criteria", "Critères"), wording.listed(criteria) if criteria else Text("none", "aucun")
        ),
    ]
    if rule["unanswered"] and rule["class"] != HIGHEST:
        count = len(rule["unanswered"])
        rows.append(
            ReportRow(
                Text("Criteria not answered", "Critères sans réponse"),
                Text(f"{count}: the class may be higher", f"{count} : la classe peut être plus élevée"),
            )
        )
    said = DISAGREEMENT.get(result["disagreement"])
    return ReportSection(
        title=Text("Published rule (CMQCC)", "Règle publiée (CMQCC)"),
        rows=tuple(rows),
        paragraphs=(Text.from_json(rule["source"]), *([said] if said else [])),
    )


def _workload(result: Mapping[str, Any]) -> ReportSection:
    higher = wording.of_100(per_100(result["as_high_share"]))
    return ReportSection(
        title=Text("Flagging on this ward", "Signalement dans ce service"),
        rows=(
            ReportRow(Text("Flagged", "Signalée"), YES_NO[result["flagged"]]),
            ReportRow(
                Text(
                    "Women of this ward with such a figure or a higher one",
                    "Femmes de ce service avec un tel chiffre ou plus élevé",
                ),
                higher,
            ),
            *_points(result["workloads"]),
        ),
        paragraphs=(about.MODEL_IMPLIED,),
    )


def _points(workloads: Sequence[Mapping[str, Any]]) -> list[ReportRow]:
    """Return the operating points by the share they flag; the first stored one is the ward's own."""
    rows = [(point["flagged_share"], _point(point, own=n == 0)) for n, point in enumerate(workloads)]
    return [row for _share, row in sorted(rows, key=lambda one: one[0])]


def _point(point: Mapping[str, Any], *, own: bool) -> ReportRow:
    share, found = per_100(point["flagged_share"]), per_100(point["found_share"])
    true = per_100(point["true_per_100_flagged"] / 100)
    mine = Text(" (this ward’s choice)", " (choix du service)") if own else Text("", "")
    return ReportRow(
        Text(f"{share} of 100 women flagged{mine.en}", f"{share} femmes sur 100 signalées{mine.fr}"),
        Text(
            f"of 100 flagged, {true} have a severe haemorrhage; of 100 severe haemorrhages, {found} found",
            f"sur 100 signalées, {true} ont une hémorragie sévère ; "
            f"sur 100 hémorragies sévères, {found} repérées",
        ),
    )


def _model(package: Package) -> ReportSection:
    words = about.model_words(package.manifest)
    checks = CHECKS | (ON_SIMULATED if package.manifest["data"].get("synthetic") else {})
    return ReportSection(
        title=Text("Model and sources", "Modèle et sources"),
        rows=(
            ReportRow(
                Text("Model", "Modèle"),
                Text(
                    f"{words.en}, package {package.version}",
                    f"{words.fr}, paquet {package.version}",
                ),
            ),
            *(_external(metric, checks[metric.name]) for metric in package.metrics if metric.name in checks),
        ),
        paragraphs=(package.intended_use,),
    )


CHECKS = {
    "zurich_roc_auc": Text("AUC on births in Zurich", "AUC sur des accouchements à Zurich"),
    "zurich_calibration_slope": Text(
        "Calibration slope on births in Zurich", "Pente de calibration sur des accouchements à Zurich"
    ),
    "holdout_roc_auc": Text(
        "AUC on later births of this hospital", "AUC sur des accouchements plus récents de cet hôpital"
    ),
    "holdout_calibration_slope": Text(
        "Calibration slope on later births of this hospital",
        "Pente de calibration sur des accouchements plus récents de cet hôpital",
    ),
}

ON_SIMULATED = {
    "holdout_roc_auc": Text(
        "AUC on later simulated births", "AUC sur des accouchements simulés plus récents"
    ),
    "holdout_calibration_slope": Text(
        "Calibration slope on later simulated births",
        "Pente de calibration sur des accouchements simulés plus récents",
    ),
}


def _external(metric: Metric, label: Text) -> ReportRow:
    value, low, high = (written(number, 2) for number in (metric.value, metric.low, metric.high))
    return ReportRow(
        label,
        Text(
            f"{value.en} (95 % interval {low.en} to {high.en}; n = {metric.n})",
            f"{value.fr} (intervalle à 95 % : {low.fr} à {high.fr} ; n = {metric.n})",
        ),
    )

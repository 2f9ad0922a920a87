"""The sleep report in plain sections: statistics with their formulas, channels, what to check, limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.sleep import wording
from ml.algorithms.sleep.about import RESEARCH_USE
from ml.algorithms.sleep.wording import minutes, number
from ml.contracts import Report, ReportRow, ReportSection, Text
from ml.package import Package

# Label with its formula, key in ``statistics``; times are written as hours and minutes.
_TIMES = (
    (
        Text(
            "Recording time, TRT (lights on − lights off)",
            "Temps d’enregistrement, TRT (rallumage − extinction)",
        ),
        "trt",
    ),
    (
        Text("Total sleep time, TST (N1 + N2 + N3 + R)", "Temps total de sommeil, TST (N1 + N2 + N3 + R)"),
        "tst",
    ),
    (Text("Sleep onset latency, SOL", "Latence d’endormissement, SOL"), "sol"),
    (
        Text(
            "Sleep period, SPT (first to last sleep)", "Période de sommeil, SPT (premier au dernier sommeil)"
        ),
        "spt",
    ),
    (Text("WASO, AASM (TRT − SOL − TST)", "WASO, AASM (TRT − SOL − TST)"), "waso"),
    (Text("Wake within the sleep period", "Éveil pendant la période de sommeil"), "wake_in_sleep_period"),
    (
        Text("REM latency, AASM (from sleep onset)", "Latence du REM, AASM (depuis l’endormissement)"),
        "rem_latency",
    ),
    (
        Text("REM latency from lights off", "Latence du REM depuis l’extinction"),
        "rem_latency_from_lights_off",
    ),
)
_SHARES = (
    (Text("Sleep efficiency, SE (TST / TRT)", "Efficacité du sommeil, SE (TST / TRT)"), "se"),
    (Text("Sleep maintenance, SME (TST / SPT)", "Maintien du sommeil, SME (TST / SPT)"), "sme"),
)


def report(package: Package, result: Mapping[str, Any]) -> Report:
    """Write the report of one night.

    Parameters
    ----------
    package
        The package that staged it: its limits stand at the end.
    result
        From ``predict.predict``.
    """
    sections = [_statistics(result), _stages(result), _channels(result), _review(result)]
    return Report(
        headline=_headline(result), sections=tuple(sections), limits=(*package.limits, RESEARCH_USE)
    )


def _headline(result: Mapping[str, Any]) -> Text:
    found = result["statistics"]
    slept, efficiency = minutes(found["tst"]), number(found["se"], 0, "%")
    text = Text(
        f"Draft staging: {slept.en} of sleep, efficiency {efficiency.en}, to be checked and signed.",
        f"Brouillon de stades : {slept.fr} de sommeil, efficacité {efficiency.fr}, à vérifier et à signer.",
    )
    if not result["simulated"]:
        return text
    return Text(f"SIMULATED RECORDING. {text.en}", f"ENREGISTREMENT SIMULÉ. {text.fr}")


def _statistics(result: Mapping[str, Any]) -> ReportSection:
    found = result["statistics"]
    rows = [ReportRow(label, minutes(found[key])) for label, key in _TIMES]
    rows += [ReportRow(label, number(found[key], 1, "%")) for label, key in _SHARES]
    rows.append(ReportRow(
        Text("Awakenings in the sleep period", "Éveils pendant la période de sommeil"),
        number(found["awakenings"], 0),
    ))  # fmt: skip
    whole = Text(
        "Over the whole recording: lights off and lights on were not entered.",
        "Sur tout l’enregistrement : extinction et rallumage des lumières non saisis.",
    )
    return ReportSection(Text("Sleep statistics", "Statistiques du sommeil"), tuple(rows), (whole,))


def _stages(result: Mapping[str, Any]) -> ReportSection:
    found = result["statistics"]
    rows = []
    for stage, name in wording.STAGE_NAMES.items():
        key = stage.lower()
        time = minutes(found["wake" if stage == "W" else key])
        share = number(found.get(f"{key}_percent"), 1, "%")
        value = (
            time if stage == "W" else Text(f"{time.en}, {share.en} of TST", f"{time.fr}, {share.fr} du TST")
        )
        rows.append(
            ReportRow(Text(name.en[0].upper() + name.en[1:], name.fr[0].upper() + name.fr[1:]), value)
        )
    return ReportSection(Text("Time in each stage", "Temps dans chaque stade"), tuple(rows))


def _channels(result: Mapping[str, Any]) -> ReportSection:
    rows = tuple(
        ReportRow(wording.SLOT_NAMES[slot], Text(label, label) if label else Text("none", "aucune"))
        for slot, label in result["channels"].items()
    )
    return ReportSection(Text("Channels used", "Voies utilisées"), rows)


def _review(result: Mapping[str, Any]) -> ReportSection:
    count, epochs = len(result["uncertain"]), len(result["stages"])
    return ReportSection(Text("To check first", "À vérifier en premier"), paragraphs=(Text(
        f"{count} of {epochs} epochs are uncertain; they are listed first for review.",
        f"{count} époques sur {epochs} sont incertaines ; elles sont proposées en premier à la relecture.",
    ),))  # fmt: skip

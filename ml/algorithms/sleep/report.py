"""The sleep report in plain sections: statistics with their formulas, signals, what to check, limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml.algorithms.sleep import networks, night_doubts, physiology, wording
from ml.algorithms.sleep.about import RESEARCH_USE
from ml.algorithms.sleep.formulas import FORMULAS
from ml.algorithms.sleep.statistics import UNSCORED
from ml.algorithms.sleep.wording import minutes, number
from ml.contracts import Report, ReportRow, ReportSection, Text
from ml.package import Package

# Keys of a result that answers stored before a release lack: a replay of such a one is held against a report
# without them.
LATER = (networks.KEY,)
# Unit and decimals of a kind of figure; "time" is written as hours and minutes.
_KINDS = {
    "minutes": (" min", 1),
    "percent": ("%", 1),
    "count": ("", 0),
    "per_hour": ("/h", 1),
    "per_minute": ("/min", 2),
    "hours": (" h", 1),
    "seconds": (" s", 1),
    "hertz": (" Hz", 1),
    "microvolts": (" µV", 0),
    "burden": ("% · min/h", 1),
}
_WHOLE = Text(
    "Over the whole recording: lights off and lights on were not entered.",
    "Sur tout l’enregistrement : extinction et rallumage des lumières non saisis.",
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
    sections = [
        _statistics(result),
        _stages(result),
        _channels(result),
        *(_signal(section) for section in physiology.sections(result, result["stages"], **_lights(result))),
        *_opinions(result),
        _review(result),
    ]
    return Report(
        headline=_headline(result),
        sections=tuple(sections),
        limits=(*package.limits, RESEARCH_USE),
        doubts=night_doubts.doubts(result),
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


def _lights(result: Mapping[str, Any]) -> dict[str, float | None]:
    return {"lights_off": result.get("lights_off"), "lights_on": result.get("lights_on")}


def _statistics(result: Mapping[str, Any]) -> ReportSection:
    """Return every figure with its formula, each followed by its other definitions."""
    found, rows = result["statistics"], []
    for line in FORMULAS:
        definitions = ((line.key, line.formula), *((other.key, other.formula) for other in line.others))
        rows += [
            ReportRow(_with(line.label, formula), _written(found[key], line.kind))
            for key, formula in definitions
            if key in found
        ]
    whole = () if any(value is not None for value in _lights(result).values()) else (_WHOLE,)
    return ReportSection(Text("Sleep statistics", "Statistiques du sommeil"), tuple(rows), whole)


def _stages(result: Mapping[str, Any]) -> ReportSection:
    found, rows = result["statistics"], []
    for stage, name in wording.STAGE_NAMES.items():
        key = stage.lower()
        time = minutes(found["wake" if stage == "W" else key])
        share = number(found.get(f"{key}_percent"), 1, "%")
        value = (
            time if stage == "W" else Text(f"{time.en}, {share.en} of TST", f"{time.fr}, {share.fr} du TST")
        )
        rows.append(ReportRow(Text(_capital(name.en), _capital(name.fr)), value))
    if found["unscored"]:
        rows.append(ReportRow(Text("Not scored", "Non coté"), minutes(found["unscored"])))
    return ReportSection(Text("Time in each stage", "Temps dans chaque stade"), tuple(rows))


def _channels(result: Mapping[str, Any]) -> ReportSection:
    rows = tuple(
        ReportRow(wording.SLOT_NAMES[slot], Text(label, label) if label else Text("none", "aucune"))
        for slot, label in result["channels"].items()
    )
    chosen = networks.said(result)
    return ReportSection(Text("Channels used", "Voies utilisées"), rows, (chosen,) if chosen else ())


def _signal(section: physiology.Section) -> ReportSection:
    rows = [ReportRow(_with(row.label, row.formula), _written(row.value, row.kind)) for row in section.rows]
    if section.channel:
        channel = Text(section.channel, section.channel)
        rows.insert(0, ReportRow(Text("Channel", "Voie"), channel))
    return ReportSection(section.title, tuple(rows), section.notes)


def _opinions(result: Mapping[str, Any]) -> Iterator[ReportSection]:
    """Yield what other derivations, the trees and YASA say of the draft, where they were asked."""
    rows: list[ReportRow] = []
    notes: tuple[Text, ...] = ()
    if jury := result.get("jury"):
        asked = [share for share in jury["disagreement"] if share is not None]
        split = sum(share > 0 for share in asked)
        names = ", ".join(jury["derivations"])
        rows += [
            ReportRow(Text("Derivations that voted", "Dérivations qui ont voté"), Text(names, names)),
            ReportRow(
                Text("Epochs on which one differs from the draft", "Époques où l’une diffère du brouillon"),
                Text(f"{split} of {len(asked)}", f"{split} sur {len(asked)}"),
            ),
        ]
    trees = result.get("boosted")
    if trees and trees["agreement"] is not None:
        rows.append(
            ReportRow(
                Text("Agreement with the boosted trees (κ)", "Concordance avec les arbres boostés (κ)"),
                number(trees["agreement"], 2),
            )
        )
    if yasa := result.get("opinion"):
        rows += _yasa(yasa)
        notes = (Text.from_json(yasa["why"]),) if yasa["stages"] is None else ()
    if rows or notes:
        yield ReportSection(Text("Other opinions", "Autres avis"), tuple(rows), notes)


def _yasa(found: Mapping[str, Any]) -> list[ReportRow]:
    if found["agreement"] is None:
        return []
    asked = f"YASA {found['version']}, {found['derivation']}"
    label = Text(f"Agreement with {asked} (κ)", f"Concordance avec {asked} (κ)")
    return [ReportRow(label, number(found["agreement"], 2))]


def _review(result: Mapping[str, Any]) -> ReportSection:
    count = len(result["uncertain"])
    epochs = sum(stage != UNSCORED for stage in result["stages"])
    said = [Text(
        f"{count} of {epochs} epochs are uncertain; they are listed first for review.",
        f"{count} époques sur {epochs} sont incertaines ; elles sont proposées en premier à la relecture.",
    )]  # fmt: skip
    if missing := len(result["stages"]) - epochs:
        said.append(Text(
            f"{missing} epochs are not staged: a gap of the recording cuts them.",
            f"{missing} époques n’ont pas de stade : une interruption de l’enregistrement les coupe.",
        ))  # fmt: skip
    return ReportSection(Text("To check first", "À vérifier en premier"), paragraphs=tuple(said))


def _with(label: Text, formula: Text) -> Text:
    return Text(f"{label.en}: {formula.en}", f"{label.fr} : {formula.fr}")


def _written(value: float | None, kind: str) -> Text:
    if kind == "time":
        return minutes(value)
    unit, decimals = _KINDS[kind]
    return number(value, decimals, unit)


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]

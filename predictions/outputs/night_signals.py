"""Oxygen, breathing, spindles and slow waves over the sleep that is reported: screening, never a diagnosis.

What the signals held is stored with the result; the figures are made again from the scored hypnogram.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.algorithms.sleep import indices
from ml.contracts import Text
from predictions.outputs.night import Night
from predictions.outputs.night_figures import Figure

SLEEP, RECORDING = Text("of sleep", "de sommeil"), Text("of recording", "d’enregistrement")
OXYGEN = Text("Oxygen saturation (screening)", "Saturation en oxygène (dépistage)")
BREATHING = Text("Breathing (screening)", "Respiration (dépistage)")
MICRO = Text("Spindles and slow waves", "Fuseaux et ondes lentes")
STAGES = {"n2": Text("N2", "N2"), "n3": Text("N3", "N3"), "n2_n3": Text("N2 and N3", "N2 et N3")}
AASM = Text("AASM manual", "manuel de l’AASM")
OURS = Text("see the model’s card", "voir la fiche du modèle")
NOT_USABLE = Text(
    "Too little of the signal can be used: no figure is given.",
    "Trop peu de signal exploitable : aucun chiffre n’est donné.",
)


@dataclass(frozen=True, slots=True)
class Signal:
    """What one signal says of a night.

    Parameters
    ----------
    code
        What programs know it by.
    usable
        Whether enough of it could be used.
    notes
        Why its figures are missing or weak, in words.
    """

    code: str
    title: Text
    usable: bool
    figures: tuple[Figure, ...]
    notes: tuple[Mapping[str, str] | Text, ...]


def signals(night: Night) -> Iterator[Signal]:
    """Yield what was found in each signal that the recording has."""
    lights = {"lights_off": night.lights_off, "lights_on": night.lights_on}
    if night.oxygen:
        yield _oxygen(night.oxygen, indices.oxygen(night.oxygen, night.stages, **lights))
    if night.breathing:
        yield _breathing(night.breathing, indices.breathing(night.breathing, night.stages, **lights))
    if night.microstructure:
        found = indices.microstructure(night.microstructure, night.stages, **lights)
        figures = tuple(figure for kind in MICRO_LABELS for figure in _micro(kind, found[kind]))
        yield Signal("microstructure", MICRO, True, figures, tuple(night.microstructure["reasons"]))


def _oxygen(stored: Mapping[str, Any], found: Mapping[str, Any]) -> Signal:
    per = SLEEP if found["of"] == "sleep" else RECORDING
    falls = [
        Figure(
            f"odi{points}",
            _labelled(Text(f"ODI{points}, per hour", f"ODI{points}, par heure"), per),
            found[f"odi{points}"]["per_hour"],
            "per_hour",
            Text(
                f"falls of {points} points or more ({found[f'odi{points}']['events']}) / hours",
                f"chutes d’au moins {points} points ({found[f'odi{points}']['events']}) / heures",
            ),
            AASM,
        )
        for points in (3, 4)
    ]
    rest = (
        ("spo2_mean", Text("Mean saturation", "Saturation moyenne"), "mean", "percent", MEAN),
        ("spo2_nadir", Text("Lowest saturation", "Saturation minimale (nadir)"), "nadir", "percent", LOWEST),
        ("t90_percent", Text("T90, share", "T90, part"), "t90_percent", "percent", BELOW),
        ("t90_minutes", Text("T90, time", "T90, durée"), "t90_minutes", "minutes", BELOW),
        ("spo2_hours", Text("Hours with a reading", "Heures avec mesure"), "hours", "hours", READ),
    )
    figures = [
        *falls,
        *(Figure(key, label, found[name], kind, formula, OURS) for key, label, name, kind, formula in rest),
    ]
    return _gated("oxygen", OXYGEN, stored, figures)


MEAN = Text("mean of the readings", "moyenne des mesures")
LOWEST = Text("lowest reading without artefact", "mesure minimale hors artéfact")
BELOW = Text("time below 90 % / time with a reading", "temps sous 90 % / temps avec mesure")
READ = Text("seconds with a reading / 3600", "secondes avec mesure / 3600")


def _breathing(stored: Mapping[str, Any], found: Mapping[str, Any]) -> Signal:
    per = SLEEP if found["of"] == "sleep" else RECORDING
    counted = Text(
        f"(apnoeas {found['apnoeas']} + hypopnoeas {found['hypopnoeas']}) / hours",
        f"(apnées {found['apnoeas']} + hypopnées {found['hypopnoeas']}) / heures",
    )
    rows = (
        ("breathing_per_hour", _labelled(EVENTS, per), found["per_hour"], "per_hour", counted),
        ("apnoeas", Text("Apnoeas", "Apnées"), found["apnoeas"], "count", PAUSES),
        ("apnoeas_with_effort", WITH, found["with_effort"], "count", BELTS),
        ("apnoeas_without_effort", WITHOUT, found["without_effort"], "count", BELTS),
        ("hypopnoeas", Text("Hypopnoeas", "Hypopnées"), found["hypopnoeas"], "count", REDUCED),
        (
            "longest_event",
            Text("Longest event", "Événement le plus long"),
            found["longest_s"],
            "seconds",
            END,
        ),
        ("hypoxic_burden", BURDEN, found["burden"], "burden", AREA),
    )
    return _gated("breathing", BREATHING, stored, [Figure(*row, OURS) for row in rows])


EVENTS = Text("Apnoeas and hypopnoeas, per hour", "Apnées et hypopnées, par heure")
WITH = Text("Apnoeas with effort", "Apnées avec effort")
WITHOUT = Text("Apnoeas without effort", "Apnées sans effort")
BURDEN = Text("Hypoxic burden", "Charge hypoxique")
PAUSES = Text("pauses of the flow", "pauses du débit")
BELTS = Text("by the effort belts", "d’après les sangles d’effort")
REDUCED = Text("reduced flow with a fall of saturation", "débit réduit avec chute de saturation")
END = Text("from its start to its end", "de son début à sa fin")
AREA = Text("area below the saturation before each event (Azarbarzin 2019)",
            "aire sous la saturation précédant chaque événement (Azarbarzin 2019)")  # fmt: skip


def _gated(code: str, title: Text, stored: Mapping[str, Any], figures: Sequence[Figure]) -> Signal:
    gate = stored["gate"]
    notes = tuple(gate["reasons"])
    if gate["usable"]:
        return Signal(code, title, True, tuple(figures), notes)
    return Signal(code, title, False, (), notes or (NOT_USABLE,))


MICRO_LABELS = {
    "spindles": Text("Spindles", "Fuseaux"),
    "slow_waves": Text("Slow waves", "Ondes lentes"),
}
MICRO_MEASURES = (
    ("per_minute", Text("per minute of {stage}", "par minute de {stage}"), "per_minute"),
    ("duration", Text("mean duration in {stage}", "durée moyenne en {stage}"), "seconds"),
    ("frequency", Text("mean frequency in {stage}", "fréquence moyenne en {stage}"), "hertz"),
    ("amplitude", Text("mean amplitude in {stage}", "amplitude moyenne en {stage}"), "microvolts"),
)


def _micro(kind: str, found: Mapping[str, Mapping[str, float | None]]) -> Iterator[Figure]:
    name = MICRO_LABELS[kind]
    for stage, row in found.items():
        if not row["minutes"]:
            continue
        counted = Text(
            f"{row['count']} in {row['minutes']:.0f} min", f"{row['count']} en {row['minutes']:.0f} min"
        )
        for measure, label, unit in MICRO_MEASURES:
            if row[measure] is None and measure != "per_minute":
                continue
            said = Text(
                f"{name.en}, {label.en.format(stage=STAGES[stage].en)}",
                f"{name.fr}, {label.fr.format(stage=STAGES[stage].fr)}",
            )
            yield Figure(f"{kind}_{measure}_{stage}", said, row[measure], unit, counted, OURS)


def _labelled(label: Text, per: Text) -> Text:
    return Text(f"{label.en} {per.en}", f"{label.fr} {per.fr}")

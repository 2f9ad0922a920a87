"""Oxygen, breathing, spindles and slow waves over the sleep that is reported: screening, never a diagnosis.

What the signals held is stored with the result; the figures are made again from the scored hypnogram.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ml.algorithms.sleep import indices, physiology
from ml.contracts import Text
from predictions.outputs.night import Night
from predictions.outputs.night_figures import Figure

MICRO = Text("Spindles and slow waves", "Fuseaux et ondes lentes")
STAGES = {"n2": Text("N2", "N2"), "n3": Text("N3", "N3"), "n2_n3": Text("N2 and N3", "N2 et N3")}
OURS = Text("see the model’s card", "voir la fiche du modèle")


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
    stored = {"oxygen": night.oxygen, "breathing": night.breathing}
    for section in physiology.sections(stored, night.stages, **lights):
        rows = (
            Figure(row.key, row.label, row.value, row.kind, row.formula, row.source) for row in section.rows
        )
        yield Signal(section.key, section.title, section.usable, tuple(rows), section.notes)
    if night.microstructure:
        found = indices.microstructure(night.microstructure, night.stages, **lights)
        figures = tuple(figure for kind in MICRO_LABELS for figure in _micro(kind, found[kind]))
        yield Signal("microstructure", MICRO, True, figures, tuple(night.microstructure["reasons"]))


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

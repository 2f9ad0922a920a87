"""The figures of oxygen, breathing, spindles and slow waves in words: label, value, formula, source.

Standard library only. Page, PDF, CSV and report write from these rows, as from ``formulas.FORMULAS``.
Screening, never a diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.algorithms.sleep import indices
from ml.algorithms.sleep.formulas import AASM
from ml.contracts import Text

OXYGEN = Text("Oxygen saturation (screening)", "Saturation en oxygène (dépistage)")
BREATHING = Text("Breathing (screening)", "Respiration (dépistage)")
MICRO = Text("Spindles and slow waves (research)", "Fuseaux et ondes lentes (recherche)")
SCREENING = Text(
    "Found by rules, not scored by a person: a screening, not a diagnosis.",
    "Repéré par des règles, non coté par une personne : un dépistage, pas un diagnostic.",
)
OURS = Text("see the model’s card", "voir la fiche du modèle")
_OVER = {
    "sleep": Text("hour of sleep", "heure de sommeil"),
    "recording": Text("hour of recording (nothing is staged)", "heure d’enregistrement (rien n’est coté)"),
}
_HOURS = {
    "sleep": Text("hours of sleep", "heures de sommeil"),
    "recording": Text("hours of recording", "heures d’enregistrement"),
}
_READING_HOURS = Text("hours of sleep with a reading", "heures de sommeil avec mesure")
_READING = Text("hour of sleep with a reading", "heure de sommeil avec mesure")
_STATES = {
    "nrem": Text("NREM sleep", "sommeil lent"),
    "rem": Text("REM sleep", "sommeil paradoxal"),
}
_STAGES = {"n2": Text("N2", "N2"), "n3": Text("N3", "N3"), "n2_n3": Text("N2 + N3", "N2 + N3")}
_EVENTS = {"spindles": Text("Spindles", "Fuseaux"), "slow_waves": Text("Slow waves", "Ondes lentes")}
_METHODS = {"spindles": Text("A7, Lacourse 2019", "A7, Lacourse 2019"),
            "slow_waves": Text("Massimini 2004, Carrier 2011", "Massimini 2004, Carrier 2011")}  # fmt: skip
_MEANS = (
    ("duration", "seconds", Text("mean duration", "durée moyenne")),
    ("frequency", "hertz", Text("mean frequency", "fréquence moyenne")),
    ("amplitude", "microvolts", Text("mean amplitude, peak to peak", "amplitude moyenne, crête à crête")),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Parameters
    ----------
    key
        Stable name.
    kind
        ``"per_hour"``, ``"per_minute"``, ``"percent"``, ``"minutes"``, ``"hours"``, ``"seconds"``,
        ``"hertz"``, ``"microvolts"``, ``"count"`` or ``"burden"`` (% · min per hour).
    """

    key: str
    label: Text
    value: float | None
    kind: str
    formula: Text
    source: Text


@dataclass(frozen=True, slots=True)
class Section:
    """What one signal says of the night.

    Parameters
    ----------
    key
        ``"oxygen"``, ``"breathing"`` or ``"microstructure"``.
    channel
        The channel's label; empty where the result names none.
    usable
        Whether any figure is given; without it ``rows`` is empty.
    notes
        Why figures are missing or weak, what was noticed, and what kind of thing this is.
    """

    key: str
    title: Text
    channel: str
    usable: bool
    rows: tuple[Row, ...]
    notes: tuple[Text, ...]


def sections(
    result: Mapping[str, Any],
    stages: Sequence[str],
    *,
    lights_off: float | None = None,
    lights_on: float | None = None,
) -> tuple[Section, ...]:
    """Return what the signals beside the EEG, and its spindles and slow waves, say of a night.

    Parameters
    ----------
    result
        Of a package from 1.1 on: ``oxygen``, ``breathing``, ``microstructure``, each ``null`` where there is
        no such channel. An older result has no sections.
    stages
        The hypnogram the figures are made over, as scored now.

    Raises
    ------
    ValueError
        As ``statistics.statistics``.
    """
    lights = {"lights_off": lights_off, "lights_on": lights_on}
    found = []
    if stored := result.get("oxygen"):
        found.append(_section("oxygen", OXYGEN, stored, _oxygen(indices.oxygen(stored, stages, **lights))))
    if stored := result.get("breathing"):
        rows = _breathing(indices.breathing(stored, stages, **lights))
        found.append(_section("breathing", BREATHING, stored, rows))
    if stored := result.get("microstructure"):
        tables = indices.microstructure(stored, stages, **lights)
        rows = [row for kind, table in tables.items() for row in _micro(kind, table)]
        notes = tuple(Text.from_json(reason) for reason in stored["reasons"])
        found.append(Section("microstructure", MICRO, "", True, tuple(rows), (*notes, SCREENING)))
    return tuple(found)


def _section(key: str, title: Text, stored: Mapping[str, Any], rows: Iterator[Row]) -> Section:
    gate = stored["gate"]
    notes = (*(Text.from_json(reason) for reason in gate["reasons"]), SCREENING)
    return Section(
        key, title, stored["label"], gate["usable"], tuple(rows) if gate["usable"] else (), notes
    )  # fmt: skip


def _oxygen(found: Mapping[str, Any]) -> Iterator[Row]:
    over = _OVER[found["of"]]
    for drop in (3, 4):
        counted = found[f"odi{drop}"]["events"]
        for key, value, per, hours in (
            (f"odi{drop}", found[f"odi{drop}"]["per_hour"], over, _HOURS[found["of"]]),
            (f"odi{drop}_of_reading", found[f"odi{drop}_of_reading"], _READING, _READING_HOURS),
        ):
            yield Row(
                key,
                Text(f"ODI{drop}, per {per.en}", f"ODI{drop}, par {per.fr}"),
                value,
                "per_hour",
                Text(
                    f"falls of {drop} points and more ({counted}) / {hours.en}",
                    f"chutes d’au moins {drop} points ({counted}) / {hours.fr}",
                ),
                AASM,
            )
    yield from _by_state("odi3", Text("ODI3", "ODI3"), found["odi3_by_state"], AASM)
    below = Text("time below 90 % / time with a reading", "temps sous 90 % / temps avec mesure")
    yield Row("t90_percent", Text("T90, share", "T90, part"), found["t90_percent"], "percent", below, AASM)
    yield Row(
        "t90_minutes", Text("T90, time", "T90, durée"), found["t90_minutes"], "minutes",
        Text("time below 90 %", "temps sous 90 %"), AASM,
    )  # fmt: skip
    yield Row(
        "spo2_mean", Text("Mean saturation", "Saturation moyenne"), found["mean"], "percent",
        Text("mean of the readings", "moyenne des mesures"), AASM,
    )  # fmt: skip
    yield Row(
        "spo2_nadir", Text("Lowest saturation (nadir)", "Saturation minimale (nadir)"), found["nadir"],
        "percent", Text("lowest reading without artefact", "mesure minimale hors artéfact"), AASM,
    )  # fmt: skip
    yield Row(
        "spo2_hours", Text("Time with a reading", "Durée avec mesure"), found["hours"], "hours",
        Text("seconds with a reading / 3600", "secondes avec mesure / 3600"), OURS,
    )  # fmt: skip


def _by_state(key: str, name: Text, rates: Mapping[str, float | None], source: Text) -> Iterator[Row]:
    for state, label in _STATES.items():
        if rates[state] is not None:
            yield Row(
                f"{key}_{state}",
                Text(f"{name.en}, per hour of {label.en}", f"{name.fr}, par heure de {label.fr}"),
                rates[state],
                "per_hour",
                Text(
                    "by the first sleep that the event touches",
                    "selon le premier sommeil que l’événement touche",
                ),
                source,
            )


def _breathing(found: Mapping[str, Any]) -> Iterator[Row]:
    over, hours = _OVER[found["of"]], _HOURS[found["of"]]
    yield Row(
        "breathing_per_hour",
        Text(f"Flow events per {over.en}", f"Événements du débit par {over.fr}"),
        found["per_hour"],
        "per_hour",
        Text(
            f"(apnoeas {found['apnoeas']} + hypopnoeas {found['hypopnoeas']}) / {hours.en}",
            f"(apnées {found['apnoeas']} + hypopnées {found['hypopnoeas']}) / {hours.fr}",
        ),
        Text("after AASM rule 1A, without arousals", "d’après la règle 1A de l’AASM, sans les micro-éveils"),
    )
    events = Text("Flow events", "Événements du débit")
    yield from _by_state("breathing_per_hour", events, found["by_state"], OURS)
    flow = Text("of the flow before it", "du débit qui précède")
    pause = Text(f"at most 10 % {flow.en}, 10 s and more", f"au plus 10 % {flow.fr}, au moins 10 s")
    less = Text(
        f"at most 70 % {flow.en}, 10 s and more, with a fall of saturation of 3 points and more",
        f"au plus 70 % {flow.fr}, au moins 10 s, avec une chute de saturation d’au moins 3 points",
    )
    belts = Text(
        "chest or belly against the two minutes before", "thorax ou abdomen contre les deux minutes avant"
    )
    for key, name, label, formula in (
        ("apnoeas", "apnoeas", Text("Apnoeas", "Apnées"), pause),
        ("apnoeas_with_effort", "with_effort", Text("Apnoeas with effort", "Apnées avec effort"), belts),
        (
            "apnoeas_without_effort",
            "without_effort",
            Text("Apnoeas without effort", "Apnées sans effort"),
            belts,
        ),
        ("hypopnoeas", "hypopnoeas", Text("Hypopnoeas", "Hypopnées"), less),
        (
            "reductions",
            "reductions",
            Text("Reductions without a fall of saturation", "Réductions sans chute de saturation"),
            Text("as hypopnoeas, not counted above", "comme les hypopnées, non comptées ci-dessus"),
        ),
    ):
        yield Row(key, label, found[name], "count", formula, OURS)
    yield Row(
        "longest_event", Text("Longest event", "Événement le plus long"), found["longest_s"], "seconds",
        Text("from its start to its end", "de son début à sa fin"), OURS,
    )  # fmt: skip
    yield Row(
        "hypoxic_burden", Text("Hypoxic burden", "Charge hypoxique"), found["burden"], "burden",
        Text(
            f"area below the saturation before each event / {hours.en}",
            f"aire sous la saturation précédant chaque événement / {hours.fr}",
        ),
        Text("Azarbarzin 2019", "Azarbarzin 2019"),
    )  # fmt: skip


def _micro(kind: str, table: Mapping[str, Mapping[str, float | None]]) -> Iterator[Row]:
    name = _EVENTS[kind]
    for stage, found in table.items():
        where = _STAGES[stage]
        counted = Text(
            f"{found['count']} / {found['minutes']:.0f} min searched",
            f"{found['count']} / {found['minutes']:.0f} min analysées",
        )
        yield Row(
            f"{kind}_per_minute_{stage}",
            Text(f"{name.en} per minute of {where.en}", f"{name.fr} par minute de {where.fr}"),
            found["per_minute"], "per_minute", counted, _METHODS[kind],
        )  # fmt: skip
    both = table["n2_n3"]
    for measure, unit, label in _MEANS:
        if both[measure] is not None:
            yield Row(
                f"{kind}_{measure}",
                Text(f"{name.en}, {label.en}", f"{name.fr}, {label.fr}"),
                both[measure], unit, Text("over N2 + N3", "en N2 + N3"), _METHODS[kind],
            )  # fmt: skip

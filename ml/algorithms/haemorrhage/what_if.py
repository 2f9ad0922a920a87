"""The figure if an answer were another one: computed, shown, never stored.

Odds ratios are associations. The difference between two figures says how two groups of women differ, not
what a treatment would do to one of them, and the answer says so itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.haemorrhage import load, model, modifiable, predict, wording
from ml.algorithms.haemorrhage.fields import BY_NAME
from ml.algorithms.haemorrhage.load import Admission
from ml.contracts import FieldKind, Loaded, Problem, Refused, Source, Text
from ml.package import Package

NOTE = Text(
    "What if – not recorded. Associations between groups of women, not the effect of a treatment on her.",
    "Hypothèse – non enregistrée. Associations entre groupes de femmes, "
    "et non l’effet d’un traitement sur cette patiente.",
)
NOTHING_CHANGED = Problem(
    "nothing_changed",
    Text(
        "Change at least one answer to see another figure.",
        "Modifiez au moins une réponse pour voir un autre chiffre.",
    ),
)
NOT_CHANGEABLE = Text(
    "“{name}” cannot change after admission, so there is no “what if” for it.",
    "« {name} » ne peut plus changer après l’admission : il n’y a pas d’hypothèse à ce sujet.",
)
UNKNOWN = Text("unknown", "inconnu")
DIRECTIONS = {
    "lower": Text("The figure would be lower", "Le chiffre serait plus bas"),
    "higher": Text("The figure would be higher", "Le chiffre serait plus élevé"),
    "same": Text(
        "Counted in whole women of 100, the figure would not move",
        "Compté en femmes entières sur 100, le chiffre ne bougerait pas",
    ),
}


def answer(
    package: Package, values: Mapping[str, Any], options: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the figure as assessed and the figure with other answers.

    Parameters
    ----------
    package
        The package of the assessment, so that only the answers differ.
    values, options
        Answers and ward settings of the assessment, as stored.
    changes
        Raw answers by field name, among the package's changeable fields; empty or ``"unknown"`` means
        not known.

    Returns
    -------
    dict
        ``before`` and ``after``, each ``risk``, ``interval`` (0–1, 95 %), ``per_100``, ``flagged`` and
        ``rule_class``; ``changed`` (per field ``label``, ``before``, ``after`` as texts);
        ``direction`` ("lower", "higher", "same"), ``sentence``, ``note``.

    Raises
    ------
    ml.contracts.Refused
        For a field that cannot change, an answer that is not one, or when nothing differs.
    """
    before = load.load(Source(values=values, options=options), package)
    allowed = modifiable.fields(model.of(package), before.data.typed)
    if strangers := [name for name in changes if name not in allowed]:
        raise Refused(*(_not_changeable(name) for name in strangers))
    # A supposed result was taken at no time at all: the time of the real one would only be misread.
    supposed = {**values, **changes, **{f"{name}_at": None for name in changes if BY_NAME[name].timed}}
    after = load.load(Source(values=supposed, options=options), package)
    changed = _changed(before.data, after.data, changes)
    if not changed:
        raise Refused(NOTHING_CHANGED)
    figures = {"before": _figure(package, before), "after": _figure(package, after)}
    direction = _direction(figures)
    return {
        **figures,
        "changed": changed,
        "direction": direction,
        "sentence": _sentence(figures, changed, direction).as_json(),
        "note": NOTE.as_json(),
    }


def _not_changeable(name: str) -> Problem:
    field = BY_NAME.get(name)
    label = field.label if field else Text(name[:40], name[:40])
    return Problem(
        "not_changeable",
        Text(NOT_CHANGEABLE.en.format(name=label.en), NOT_CHANGEABLE.fr.format(name=label.fr)),
        field=name[:40],
    )


def _figure(package: Package, loaded: Loaded) -> dict[str, Any]:
    result = predict.predict(package, loaded)
    return {key: result[key] for key in ("risk", "interval", "per_100", "flagged", "rule_class")}


def _changed(before: Admission, after: Admission, changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "field": name,
            "label": BY_NAME[name].label.as_json(),
            "before": written(name, before.typed[name]).as_json(),
            "after": written(name, after.typed[name]).as_json(),
        }
        for name in changes
        if before.typed[name] != after.typed[name]
    ]


def written(name: str, value: Any) -> Text:
    """Write one checked answer of a form for a sentence: number with unit, choice in words, unknown."""
    if value is None:
        return UNKNOWN
    field = BY_NAME[name]
    if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        number = wording.written(value, 2)
        unit = f" {field.unit}" if field.unit else ""
        return Text(number.en + unit, number.fr + unit)
    labels = {choice.code: choice.label for choice in field.choices}
    return wording.within_sentence(labels.get(value, Text(str(value), str(value))))


def _direction(figures: Mapping[str, Any]) -> str:
    before, after = (figures[when]["per_100"]["risk"] for when in ("before", "after"))
    return "same" if before == after else "lower" if after < before else "higher"


def _sentence(figures: Mapping[str, Any], changed: list[dict[str, Any]], direction: str) -> Text:
    parts = []
    for entry in changed:
        label = wording.within_sentence(Text.from_json(entry["label"]))
        old, new = Text.from_json(entry["before"]), Text.from_json(entry["after"])
        parts.append(
            Text(f"{label.en} {new.en} instead of {old.en}", f"{label.fr} {new.fr} au lieu de {old.fr}")
        )
    told = wording.listed(parts)
    old, new = (wording.of_100(figures[when]["per_100"]["risk"]) for when in ("before", "after"))
    said = DIRECTIONS[direction]
    if direction == "same":
        ending = Text(f": {new.en}", f" : {new.fr}")
    else:
        ending = Text(f": {new.en} instead of {old.en}", f" : {new.fr} au lieu de {old.fr}")
    return Text(f"With {told.en}. {said.en}{ending.en}.", f"Avec {told.fr}. {said.fr}{ending.fr}.")

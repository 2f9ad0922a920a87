"""The admission class of the CMQCC obstetric haemorrhage toolkit, version 2.0, beside the figure.

The criteria are written from common knowledge and were not checked against the toolkit. Where the form
asks otherwise than the toolkit, the nearest question is taken: haematocrit under 30 % as haemoglobin
under 10 g/dL, "large" fibroids as any, a known coagulopathy as a bleeding disorder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ml.contracts import Text

SOURCE = Text(
    "CMQCC obstetric haemorrhage toolkit, version 2.0, admission criteria (not checked against the toolkit)",
    "Critères d’admission de l’outil CMQCC sur l’hémorragie obstétricale, version 2.0 "
    "(non vérifiés sur l’original)",
)
LABELS = {
    "low": Text("low", "faible"),
    "medium": Text("medium", "moyenne"),
    "high": Text("high", "élevée"),
}
Typed = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion: ``holds`` answers ``True``, ``False`` or, when it was not answered, ``None``."""

    code: str
    rank: str
    label: Text
    holds: Callable[[Typed], bool | None]


def _answered(name: str, test: Callable[[Any], bool]) -> Callable[[Typed], bool | None]:
    return lambda typed: None if typed[name] is None else test(typed[name])


def _yes(name: str) -> Callable[[Typed], bool | None]:
    return _answered(name, lambda answer: answer == "yes")


def _previous(name: str, absent: Any) -> Callable[[Typed], bool | None]:
    def holds(typed: Typed) -> bool | None:
        if typed[name] is None:
            return False if typed["parity"] == 0 else None
        return typed[name] != absent

    return holds


def _many_vaginal_births(typed: Typed) -> bool | None:
    parity, caesareans = typed["parity"], typed["previous_caesareans"]
    if parity is not None and parity <= 4:
        return False
    if parity is None or caesareans is None:
        return None
    return parity - caesareans > 4


MEDIUM = (
    Criterion(
        "previous_caesarean",
        "medium",
        Text("Previous caesarean", "Césarienne antérieure"),
        _previous("previous_caesareans", 0),
    ),
    Criterion(
        "multiple",
        "medium",
        Text("Multiple pregnancy", "Grossesse multiple"),
        _answered("fetuses", lambda n: n >= 2),
    ),
    Criterion(
        "vaginal_births",
        "medium",
        Text("More than 4 vaginal births", "Plus de 4 accouchements par voie basse"),
        _many_vaginal_births,
    ),
    Criterion(
        "chorioamnionitis",
        "medium",
        Text("Chorioamnionitis", "Chorioamniotite"),
        _yes("chorioamnionitis"),
    ),
    Criterion(
        "previous_pph",
        "medium",
        Text("Previous postpartum haemorrhage", "Antécédent d’hémorragie du post-partum"),
        _previous("previous_pph", "none"),
    ),
    Criterion("fibroids", "medium", Text("Fibroids", "Fibromes utérins"), _yes("fibroids")),
)


def _anaemia_and_another(typed: Typed) -> bool | None:
    if typed["haemoglobin"] is None or typed["haemoglobin"] >= 10:
        return None if typed["haemoglobin"] is None else False
    others = [criterion.holds(typed) for criterion in MEDIUM]
    if any(others):
        return True
    return None if None in others else False


HIGH = (
    Criterion(
        "placenta",
        "high",
        Text("Placenta praevia or low-lying", "Placenta prævia ou bas inséré"),
        _answered("placenta", lambda code: code in {"praevia", "low"}),
    ),
    Criterion(
        "accreta",
        "high",
        Text("Accreta suspected", "Suspicion d’accreta"),
        _answered("placenta", lambda code: code == "accreta"),
    ),
    Criterion(
        "anaemia",
        "high",
        Text(
            "Haemoglobin under 10 g/dL and another criterion",
            "Hémoglobine inférieure à 10 g/dL et un autre critère",
        ),
        _anaemia_and_another,
    ),
    Criterion(
        "platelets",
        "high",
        Text("Platelets under 100 G/L", "Plaquettes inférieures à 100 G/L"),
        _answered("platelets", lambda value: value < 100),
    ),
    Criterion(
        "bleeding",
        "high",
        Text("Bleeding at admission", "Saignement à l’admission"),
        _yes("antepartum_bleeding"),
    ),
    Criterion(
        "coagulopathy",
        "high",
        Text("Bleeding disorder", "Trouble de l’hémostase"),
        _yes("bleeding_disorder"),
    ),
)


def rule_class(typed: Typed) -> dict[str, Any]:
    """Return the class of checked answers, and which criteria made it.

    Returns
    -------
    dict
        ``class`` ("low", "medium", "high"), ``label``, ``criteria`` (those that hold), ``unanswered``
        (codes of criteria nobody answered: with any, the class is a lower bound), ``source``.
    """
    verdicts = {criterion: criterion.holds(typed) for criterion in (*HIGH, *MEDIUM)}
    fired = [criterion for criterion, holds in verdicts.items() if holds]
    ranks = {criterion.rank for criterion in fired}
    name = "high" if "high" in ranks else "medium" if "medium" in ranks else "low"
    return {
        "class": name,
        "label": LABELS[name].as_json(),
        "criteria": [{"code": c.code, "class": c.rank, "label": c.label.as_json()} for c in fired],
        "unanswered": [criterion.code for criterion, holds in verdicts.items() if holds is None],
        "source": SOURCE.as_json(),
    }

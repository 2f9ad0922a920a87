"""From checked answers to the levels of the model that they leave open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.haemorrhage import contract
from ml.algorithms.haemorrhage.model import Factor, Model

TERNARY = (
    "antepartum_bleeding", "gestational_diabetes", "polyhydramnios", "fibroids", "anticoagulant",
    "bleeding_disorder", "chorioamnionitis", "fetal_death", "art",
)  # fmt: skip
HEAVY_FETUS_G = 4000
POST_TERM_WEEKS = 41
GRAND_MULTIPARA = 4


def allowed(model: Model, typed: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return, per factor that something was answered about, the level codes left open.

    Parameters
    ----------
    typed
        Values as :func:`contract.check` returns them. ``None`` is unknown and never "no".

    Returns
    -------
    dict of str to frozenset of str
        Factors without any answer are absent. A woman of parity 0 has no previous caesarean or
        haemorrhage, whether or not that was ticked.
    """
    found = {name: _one(typed[name]) for name in TERNARY}
    found |= {
        "age": _measured(model.by_name["age"], contract.age(typed)),
        "parity": _parity(typed["parity"]),
        "bmi": _measured(model.by_name["bmi"], contract.bmi(typed)),
        "multiple": _yes_if(typed["fetuses"], lambda n: n >= 2),
        "previous_caesarean": _previous_caesarean(typed),
        "previous_pph": _previous_haemorrhage(typed),
        "placenta": _one(typed["placenta"]),
        "hypertension": _hypertension(typed),
        "macrosomia": _yes_if(typed["estimated_fetal_weight_g"], lambda g: g >= HEAVY_FETUS_G),
        "haemoglobin": _measured(model.by_name["haemoglobin"], typed["haemoglobin"]),
        "platelets": _measured(model.by_name["platelets"], typed["platelets"]),
        "onset": _one(typed["onset"]),
        "post_term": _yes_if(typed["gestation_weeks"], lambda weeks: weeks >= POST_TERM_WEEKS),
    }
    return {name: codes for name, codes in found.items() if codes is not None}


def _one(code: str | None) -> frozenset[str] | None:
    return None if code is None else frozenset({code})


def _yes_if(value: Any, holds: Any) -> frozenset[str] | None:
    return None if value is None else frozenset({"yes" if holds(value) else "no"})


def _measured(factor: Factor, value: float | None) -> frozenset[str] | None:
    if value is None:
        return None
    index = sum(value >= bound for bound in factor.bounds)
    return frozenset({factor.codes[index]})


def _parity(parity: int | None) -> frozenset[str] | None:
    if parity is None:
        return None
    if parity == 0:
        return frozenset({"none"})
    return frozenset({"one_to_three" if parity < GRAND_MULTIPARA else "four_or_more"})


def _previous_caesarean(typed: Mapping[str, Any]) -> frozenset[str] | None:
    value = typed["previous_caesareans"]
    if value is None:
        return frozenset({"no"}) if typed["parity"] == 0 else None
    return frozenset({"yes" if value else "no"})


def _previous_haemorrhage(typed: Mapping[str, Any]) -> frozenset[str] | None:
    value = typed["previous_pph"]
    if value is None:
        return frozenset({"no"}) if typed["parity"] == 0 else None
    return frozenset({"no" if value == "none" else value})


def _hypertension(typed: Mapping[str, Any]) -> frozenset[str] | None:
    """Levels left open by three questions that overlap: severe implies pre-eclampsia, for one."""
    severe = typed["severe_preeclampsia"]
    mild = typed["preeclampsia"]
    gestational = typed["gestational_hypertension"]
    if severe is None and mild is None and gestational is None:
        return None
    if severe == "yes":
        return frozenset({"severe"})
    left = {"none", "gestational", "preeclampsia", "severe"}
    if severe == "no":
        left.discard("severe")
    if mild == "yes":
        left &= {"preeclampsia", "severe"}
    elif mild == "no":
        left -= {"preeclampsia", "severe"}
    if gestational == "yes":
        left.discard("none")
    elif gestational == "no":
        left.discard("gestational")
    return frozenset(left)

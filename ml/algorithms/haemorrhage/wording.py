"""How answers and figures are written out, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.algorithms.haemorrhage import contract
from ml.algorithms.haemorrhage.fields import BY_NAME
from ml.algorithms.haemorrhage.model import Factor
from ml.algorithms.haemorrhage.parsing import written
from ml.contracts import Text

NARROW_SPACE = "\u202f"
# Below so many of 100 the count alone hides differences: the headline adds "1 in n".
SMALL = 2
FEWER_THAN_ONE = Text("fewer than 1", "moins de 1")


def women(per_100: float) -> Text:
    """Write a number of women of 100: ``4``, ``1.5``, ``fewer than 1``."""
    return written(per_100, 1) if per_100 else FEWER_THAN_ONE


def of_100(per_100: float) -> Text:
    """Write "4 in 100", "fewer than 1 in 100"."""
    count = women(per_100)
    return Text(f"{count.en} in 100", f"{count.fr} sur 100")


def headline(per_100: Mapping[str, float]) -> Text:
    """Write the figure: one denominator, the interval, the ward's average."""
    risk, low, high, ward = (women(per_100[key]) for key in ("risk", "low", "high", "ward"))
    if per_100["low"] == per_100["high"]:
        likely = Text(f"likely about {high.en}", f"probablement environ {high.fr}")
    elif not per_100["low"]:
        likely = Text(f"likely {high.en} at most", f"probablement {high.fr} au plus")
    else:
        likely = Text(f"likely {low.en} to {high.en}", f"probablement {low.fr} à {high.fr}")
    noun = "femmes" if per_100["risk"] > 1 else "femme"
    small = one_in(per_100.get("one_in")) if per_100["risk"] < SMALL else None
    said = [small] if small else []
    # "1 in 100 (about 1 in 120, likely about 1)" says one thing three times.
    if not small or per_100["low"] != per_100["high"]:
        said.append(likely)
    about = listed(said)
    return Text(
        f"{_capital(risk.en)} in 100 women like her ({about.en}); ward average {ward.en} in 100",
        f"{_capital(risk.fr)} {noun} sur 100 comme elle ({about.fr}) ; moyenne du service {ward.fr} sur 100",
    )


def one_in(number: int | None) -> Text | None:
    """Write "about 1 in 140"; nothing where there is no such number."""
    if number is None:
        return None
    shown = f"{number:,}"
    return Text(f"about 1 in {shown}", f"environ 1 sur {shown.replace(',', NARROW_SPACE)}")


def answer(factor: Factor, typed: Mapping[str, Any], codes: frozenset[str]) -> Text:
    """Write what was answered about a factor: the measurement where there is one, else the level."""
    measured = _measurement(factor.name, typed)
    if measured is not None:
        return measured
    open_levels = [label for code, label in zip(factor.codes, factor.labels, strict=True) if code in codes]
    return either(open_levels)


def either(labels: Sequence[Text]) -> Text:
    """Write "a or b"."""
    return Text(" or ".join(t.en for t in labels), " ou ".join(t.fr for t in labels))


def listed(texts: Sequence[Text]) -> Text:
    """Write "a, b, c"."""
    return Text(", ".join(t.en for t in texts), ", ".join(t.fr for t in texts))


def field_labels(names: Sequence[str]) -> list[Text]:
    """Return the labels of form fields."""
    return [BY_NAME[name].label for name in names]


def _measurement(name: str, typed: Mapping[str, Any]) -> Text | None:
    previous_pph = {"pph_500": Text("≥ 500 mL", "≥ 500 mL"), "pph_1000": Text("≥ 1000 mL", "≥ 1000 mL")}
    if name == "previous_pph":
        return previous_pph.get(typed["previous_pph"])
    values = {
        "age": (contract.age(typed), Text(" years", " ans"), 0),
        "parity": (typed["parity"], Text("", ""), 0),
        "bmi": (contract.bmi(typed), Text(" kg/m²", " kg/m²"), 1),
        "multiple": (typed["fetuses"], _fetuses(typed["fetuses"]), 0),
        "haemoglobin": (typed["haemoglobin"], Text(" g/dL", " g/dL"), 1),
        "platelets": (typed["platelets"], Text(" G/L", " G/L"), 0),
        "macrosomia": (typed["estimated_fetal_weight_g"], Text(" g", " g"), 0),
    }
    if name == "post_term" and typed["gestation_weeks"] is not None:
        days = typed["gestation_days"]
        plus = f" + {days}" if days is not None else ""
        return Text(f"{typed['gestation_weeks']}{plus} weeks", f"{typed['gestation_weeks']}{plus} SA")
    value, unit, decimals = values.get(name, (None, None, 0))
    if value is None:
        return None
    number = written(value, decimals)
    return Text(number.en + unit.en, number.fr + unit.fr)


def _fetuses(count: int | None) -> Text:
    return Text(" fetus" if count == 1 else " fetuses", " fœtus")


def within_sentence(label: Text) -> Text:
    """Return a label for use inside a sentence: no capital, except that of an acronym."""
    return Text(_uncapital(label.en), _uncapital(label.fr))


def _uncapital(text: str) -> str:
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

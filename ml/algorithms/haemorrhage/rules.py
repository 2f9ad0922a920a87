"""What must hold within one field and between fields of the admission form. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from ml.algorithms.haemorrhage.fields import BY_NAME, FIELDS
from ml.algorithms.haemorrhage.parsing import written
from ml.contracts import Field, Problem, Severity, Text


@dataclass(frozen=True, slots=True)
class UnitDoubt:
    """Another unit that people write a value in.

    Parameters
    ----------
    above, most
        Values from above the first up to the second are taken to be in it.
    factor
        What turns them into the unit of the field.
    """

    code: str
    unit: str
    above: float
    most: float
    factor: float


AGE_HARD, AGE_SOFT = (10, 60), (15, 50)
BMI_HARD, BMI_SOFT = (12, 70), (16, 50)
# A value that no woman has in the unit of the field, and many in another: asked back with the conversion.
UNIT_DOUBTS = {
    "haemoglobin": UnitDoubt("haemoglobin_in_g_per_l", "g/L", 25, 250, 0.1),
    "height_cm": UnitDoubt("height_in_m", "m", 1.2, 2.1, 100),
    "estimated_fetal_weight_g": UnitDoubt("weight_in_kg", "kg", 0.3, 6.5, 1000),
    "platelets": UnitDoubt("platelets_per_mm3", "/mm³", 5_000, 1_000_000, 0.001),
    "fibrinogen": UnitDoubt("fibrinogen_in_mg_per_dl", "mg/dL", 50, 1000, 0.01),
}
STALE_AFTER = timedelta(hours=72)
# Clocks of a workstation and a server differ by minutes.
CLOCK_TOLERANCE = timedelta(minutes=10)
MOST_NAMED = 20

NOT_A_FORM = Problem(
    "not_a_form",
    Text(
        "The input is not a form: send one JSON object with a value per field.",
        "L’entrée n’est pas un formulaire : envoyez un objet JSON avec une valeur par champ.",
    ),
)
DAYS_TWICE = Problem(
    "gestation_twice",
    Text(
        "Gestation: the days are given twice and differ. Keep one.",
        "Terme : les jours sont saisis deux fois et diffèrent. N’en gardez qu’un.",
    ),
    field="gestation_days",
)

# What only labour can tell, under the names other forms and exports give it.
LABOUR = {
    Text("the duration of labour", "la durée du travail"): (
        "duration", "labour_duration", "labor_duration", "duration_of_labour", "duration_of_labor",
        "duree_travail", "stage2_duration", "oxytocin_duration",
    ),
    Text("episiotomy", "l’épisiotomie"): ("episiotomy", "episiotomie"),
    Text("the mode of delivery", "la voie d’accouchement"): (
        "mode", "mode_of_delivery", "delivery_mode", "delivery", "mode_accouchement", "instrumental",
        "vaginal_delivery", "emergency_caesarean", "forceps", "vacuum",
    ),
    Text("the birth weight", "le poids de naissance"): (
        "birth_weight", "birthweight", "birth_weight_g", "poids_naissance",
    ),
    Text("the blood loss", "les pertes sanguines"): ("blood_loss", "blood_loss_ml", "measured_blood_loss"),
    Text("perineal tears", "les déchirures périnéales"): ("tear", "perineal_tear", "laceration"),
}  # fmt: skip
LABOUR_BY_KEY = {key: words for words, keys in LABOUR.items() for key in keys}


def age(birth: date | None, admission: datetime | None) -> int | None:
    """Return completed years at admission, ``None`` when either date is unknown."""
    if birth is None or admission is None:
        return None
    day = admission.date()
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def bmi(height_cm: float | None, weight_kg: float | None) -> float | None:
    """Return kg/m², ``None`` when either measure is unknown."""
    if height_cm is None or weight_kg is None:
        return None
    return weight_kg / (height_cm / 100) ** 2


def within(field: Field, value: Any) -> list[Problem]:
    """Hold one typed value against the hard and soft limits of its field."""
    if not isinstance(value, int | float):
        return []
    doubt = UNIT_DOUBTS.get(field.name)
    if doubt is not None and doubt.above < value <= doubt.most:
        return [_other_unit(field, doubt, value)]
    unit = Text(f" {field.unit}", f" {field.unit}") if field.unit else Text("", "")
    return _limits(
        field.name,
        field.label,
        unit,
        value,
        (field.minimum, field.maximum),
        (field.warn_below, field.warn_above),
    )


def across(typed: Mapping[str, Any], refused: set[str], now: datetime) -> list[Problem]:
    """Hold the fields against each other, leaving out what was already refused.

    Parameters
    ----------
    typed
        Typed values, ``None`` where unknown or refused.
    refused
        Names of the fields refused so far.
    now
        The present moment, aware.
    """
    return [
        *_admission(typed, refused, now),
        *_age(typed),
        *_counts(typed),
        *_body(typed),
        *_onset(typed),
        *_results(typed, now),
    ]


def unexpected(keys: Iterable[str]) -> list[Problem]:
    """Refuse, by name, variables of labour and fields the form does not have; the first 20 of them."""
    return [_unexpected(key) for key in islice(keys, MOST_NAMED)]


def _other_unit(field: Field, doubt: UnitDoubt, value: float) -> Problem:
    typed, meant = written(value, 2), written(value * doubt.factor, 1)
    return Problem(
        doubt.code,
        Text(
            f"{field.label.en}: is {typed.en} in {doubt.unit}? This field is in {field.unit}: "
            f"{typed.en} {doubt.unit} is {meant.en} {field.unit}.",
            f"{field.label.fr} : la valeur {typed.fr} est-elle en {doubt.unit} ? "
            f"Ce champ est en {field.unit} : "
            f"{typed.fr} {doubt.unit} font {meant.fr} {field.unit}.",
        ),
        field=field.name,
    )


def _limits(
    name: str,
    label: Text,
    unit: Text,
    value: float,
    hard: tuple[float | None, float | None],
    soft: tuple[float | None, float | None],
    *,
    prefix: str = "",
) -> list[Problem]:
    shown = written(value, 2)
    low, high = hard
    if (low is not None and value < low) or (high is not None and value > high):
        least, most = written(low), written(high)
        return [
            Problem(
                f"{prefix}out_of_range",
                Text(
                    f"{label.en}: {shown.en}{unit.en} is outside {least.en} to {most.en}{unit.en}. "
                    "Check the value.",
                    f"{label.fr} : {shown.fr}{unit.fr} est hors des limites, "
                    f"{least.fr} à {most.fr}{unit.fr}. Vérifiez la valeur.",
                ),
                field=name,
            )
        ]
    low, high = soft
    if (low is not None and value < low) or (high is not None and value > high):
        return [
            _warning(
                f"{prefix}unusual_value",
                name,
                f"{label.en}: {shown.en}{unit.en} is unusual. Check that it is right.",
                f"{label.fr} : {shown.fr}{unit.fr} est une valeur inhabituelle. Vérifiez qu’elle est exacte.",
            )
        ]
    return []


def _warning(code: str, name: str, en: str, fr: str) -> Problem:
    return Problem(code, Text(en, fr), field=name, severity=Severity.WARN)


def _admission(typed: Mapping[str, Any], refused: set[str], now: datetime) -> list[Problem]:
    moment = typed["admission_at"]
    if moment is None:
        if "admission_at" in refused:
            return []
        return [
            Problem(
                "required",
                Text(
                    "Time of admission: this is needed. Write the date and the time.",
                    "Date et heure d’admission : ce champ est obligatoire. Saisissez la date et l’heure.",
                ),
                field="admission_at",
            )
        ]
    return [_future("admission_at")] if moment > now + CLOCK_TOLERANCE else []


def _future(name: str) -> Problem:
    label = BY_NAME[name if name in BY_NAME else name.removesuffix("_at")].label
    of = Text("", "") if name in BY_NAME else Text(" (time of the result)", " (heure du résultat)")
    return Problem(
        "in_the_future",
        Text(
            f"{label.en}{of.en}: this lies in the future. Check the date.",
            f"{label.fr}{of.fr} : cette date est dans le futur. Vérifiez-la.",
        ),
        field=name,
    )


def _age(typed: Mapping[str, Any]) -> list[Problem]:
    years = age(typed["birth_date"], typed["admission_at"])
    if years is None:
        return []
    label = Text("Age by the date of birth", "Âge d’après la date de naissance")
    return _limits("birth_date", label, Text(" years", " ans"), years, AGE_HARD, AGE_SOFT, prefix="age_")


def _counts(typed: Mapping[str, Any]) -> list[Problem]:
    gravidity, parity, caesareans = (typed[n] for n in ("gravidity", "parity", "previous_caesareans"))
    problems = []
    if gravidity is not None and parity is not None and parity > gravidity - 1:
        problems.append(
            Problem(
                "parity_exceeds_gravidity",
                Text(
                    f"Parity {parity} with gravidity {gravidity}: gravidity counts this pregnancy, "
                    f"so parity is at most {gravidity - 1}.",
                    f"Parité {parity} avec gestité {gravidity} : la gestité compte la grossesse en cours, "
                    f"la parité est donc de {gravidity - 1} au plus.",
                ),
                field="parity",
            )
        )
    if parity is not None and caesareans is not None and caesareans > parity:
        problems.append(
            Problem(
                "caesareans_exceed_parity",
                Text(
                    f"{caesareans} previous caesareans with parity {parity}: check both.",
                    f"{caesareans} césariennes antérieures avec une parité de {parity} : vérifiez les deux.",
                ),
                field="previous_caesareans",
            )
        )
    if parity == 0 and typed["previous_pph"] in {"pph_500", "pph_1000"}:
        problems.append(
            _warning(
                "previous_pph_without_birth",
                "previous_pph",
                "Previous postpartum haemorrhage with parity 0: check both.",
                "Antécédent d’hémorragie du post-partum avec une parité de 0 : vérifiez les deux.",
            )
        )
    return problems


def _body(typed: Mapping[str, Any]) -> list[Problem]:
    index = bmi(typed["height_cm"], typed["weight_kg"])
    if index is None:
        return []
    label = Text("BMI by height and weight", "IMC d’après la taille et le poids")
    return _limits("weight_kg", label, Text(" kg/m²", " kg/m²"), index, BMI_HARD, BMI_SOFT, prefix="bmi_")


def _onset(typed: Mapping[str, Any]) -> list[Problem]:
    if typed["induction_method"] is None or typed["onset"] in {None, "induced"}:
        return []
    return [
        _warning(
            "method_without_induction",
            "induction_method",
            "A method of induction is given, but labour is not marked as induced: check both.",
            "Une méthode de déclenchement est saisie alors que le travail n’est pas noté déclenché : "
            "vérifiez les deux.",
        )
    ]


def _results(typed: Mapping[str, Any], now: datetime) -> list[Problem]:
    problems = []
    for field in FIELDS:
        if field.timed and typed[field.name] is not None:
            problems += _result(field, typed[f"{field.name}_at"], typed["admission_at"], now)
    return problems


def _result(field: Field, taken: datetime | None, admission: datetime | None, now: datetime) -> list[Problem]:
    name = f"{field.name}_at"
    if taken is None:
        return [
            _warning(
                "result_time_missing",
                name,
                f"{field.label.en}: the time of the result is missing.",
                f"{field.label.fr} : l’heure du résultat manque.",
            )
        ]
    if taken > now + CLOCK_TOLERANCE:
        return [_future(name)]
    if admission is not None and admission - taken > STALE_AFTER:
        days = (admission - taken).days
        return [
            _warning(
                "stale_result",
                name,
                f"{field.label.en}: the result is {days} days old (more than 72 hours). "
                "Is there a newer one?",
                f"{field.label.fr} : le résultat date de {days} jours (plus de 72 heures). "
                "En existe-t-il un plus récent ?",
            )
        ]
    return []


def _unexpected(key: str) -> Problem:
    shown = key if len(key) <= 40 else f"{key[:40]}…"
    shown = "".join(c if c.isprintable() else "�" for c in shown)
    if words := LABOUR_BY_KEY.get(key.casefold()):
        return Problem(
            "known_only_after_labour",
            Text(
                f"“{shown}”: {words.en} cannot be known at admission. Leave it out.",
                f"« {shown} » : on ne peut pas connaître {words.fr} à l’admission. Retirez ce champ.",
            ),
            field=shown,
        )
    return Problem(
        "unknown_field",
        Text(
            f"“{shown}”: the admission form has no such field. Leave it out or correct its name.",
            f"« {shown} » : le formulaire d’admission n’a pas ce champ. Retirez-le ou corrigez son nom.",
        ),
        field=shown,
    )

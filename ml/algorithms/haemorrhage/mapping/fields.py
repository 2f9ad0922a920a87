"""What of a hospital's table can be mapped: fields, units, and the words in cells. Standard library only.

Fields have the names of the admission form. Beside them stands what only a table of past births has: the
mother's number, the outcome, and age and BMI where they were exported instead of what they follow from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml.algorithms.haemorrhage.fields import BY_NAME
from ml.contracts import Choice, FieldKind, Text

MOTHER, DATE, LOSS, SEVERE = "mother", "admission_at", "blood_loss_ml", "severe_pph"
OUTCOMES = (LOSS, SEVERE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit a column may be in.

    Parameters
    ----------
    factor
        What a value is multiplied with to be in the unit of the form.
    typical
        Between which bounds the median of a column in this unit lies, in any maternity; ``None`` where the
        distribution does not tell the unit.
    """

    code: str
    label: Text
    factor: float = 1.0
    typical: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """A field that a column can be mapped to.

    Parameters
    ----------
    units
        The first one is assumed where none is named.
    minimum, maximum
        Hard limits in the unit of the form: a value outside is impossible and counts as unknown.
    choices
        Codes a cell can stand for; empty where cells are numbers, dates or names.
    words
        What cells usually say, lower case, and the code or number it stands for.
    needed
        Whether training is impossible without it.
    used
        Whether it enters the figure; the others may be mapped and are left aside.
    """

    name: str
    label: Text
    kind: FieldKind
    units: tuple[Unit, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Choice, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    needed: bool = False
    used: bool = True
    help: Text | None = None

    def unit(self, code: str) -> Unit | None:
        """Return the unit with this code, the first one for an empty code, ``None`` when there is no such."""
        if not self.units:
            return None
        return next((unit for unit in self.units if unit.code == code), None) if code else self.units[0]


def _unit(
    code: str, en: str, fr: str, factor: float = 1.0, typical: tuple[float, float] | None = None
) -> Unit:
    return Unit(code, Text(en, fr), factor, typical)


DAY_FIRST = _unit("dd/mm/yyyy", "day/month/year or year-month-day", "jour/mois/année ou année-mois-jour")
MONTH_FIRST = _unit("mm/dd/yyyy", "month/day/year", "mois/jour/année")
COMPACT = _unit("yyyymmdd", "yearmonthday, without signs", "annéemoisjour, sans signes")
YEAR_FIRST = _unit("yyyy-mm-dd", "year-month-day", "année-mois-jour")
DATES = (DAY_FIRST, YEAR_FIRST, MONTH_FIRST, COMPACT)

UNITS: dict[str, tuple[Unit, ...]] = {
    DATE: DATES,
    "birth_date": DATES,
    "age": (_unit("years", "years", "ans", 1, (24, 38)),),
    "bmi": (_unit("kg/m2", "kg/m²", "kg/m²", 1, (19, 32)),),
    "height_cm": (
        _unit("cm", "cm", "cm", 1, (150, 180)),
        _unit("m", "m", "m", 100, (1.5, 1.8)),
        _unit("in", "inches", "pouces", 2.54, (59, 71)),
    ),
    "weight_kg": (
        _unit("kg", "kg", "kg", 1, (50, 90)),
        _unit("lb", "pounds", "livres", 0.45359237, (110, 198)),
    ),
    "parity": (
        _unit("before", "births before this one", "accouchements avant celui-ci"),
        _unit("including", "births including this one", "accouchements, celui-ci compris"),
    ),
    "gestation_weeks": (
        _unit("weeks", "weeks (39 or 39.5)", "semaines (39 ou 39,5)", 1, (36, 42)),
        _unit("weeks+days", "weeks+days (39+4)", "semaines+jours (39+4)", 1, (36, 42)),
        _unit("days", "days", "jours", 1 / 7, (252, 294)),
    ),
    "gestation_days": (_unit("days", "days", "jours"),),
    "estimated_fetal_weight_g": (
        _unit("g", "g", "g", 1, (2000, 4200)),
        _unit("kg", "kg", "kg", 1000, (2.0, 4.2)),
    ),
    "haemoglobin": (
        _unit("g/dL", "g/dL", "g/dL", 1, (9, 15)),
        _unit("g/L", "g/L", "g/L", 0.1, (90, 150)),
        _unit("mmol/L", "mmol/L", "mmol/L", 1.6114, (5.6, 8.9)),
    ),
    "platelets": (
        _unit("G/L", "G/L (10⁹/L)", "G/L (10⁹/L)", 1, (120, 400)),
        _unit("/mm3", "per mm³", "par mm³", 0.001, (120_000, 400_000)),
    ),
    LOSS: (
        _unit("mL", "mL", "mL", 1, (50, 900)),
        _unit("L", "L", "L", 1000, (0.05, 0.9)),
    ),
}

YES_NO = {
    "yes": "yes", "y": "yes", "oui": "yes", "o": "yes", "1": "yes", "true": "yes", "vrai": "yes", "x": "yes",
    "no": "no", "n": "no", "non": "no", "0": "no", "false": "no", "faux": "no",
}  # fmt: skip
WORDS: dict[str, Mapping[str, str]] = {
    "fetuses": {
        "singleton": "1", "single": "1", "unique": "1", "simple": "1",
        "monofoetale": "1", "no": "1", "non": "1",
        "twin": "2", "twins": "2", "multiple": "2", "gemellaire": "2", "jumeaux": "2", "gemello": "2",
        "yes": "2", "oui": "2", "triplets": "3", "triple": "3",
    },
    "previous_caesareans": {"no": "0", "non": "0", "none": "0", "aucune": "0", "yes": "1", "oui": "1"},
    "previous_pph": {
        "none": "none", "aucune": "none", "aucun": "none", "no": "none", "non": "none", "0": "none",
        "yes": "pph_500", "oui": "pph_500", "1": "pph_500", "hpp": "pph_500", "pph": "pph_500",
        ">=500": "pph_500", ">=1000": "pph_1000", "severe": "pph_1000", "hpp severe": "pph_1000",
    },
    "placenta": {
        "normal": "normal", "no": "normal", "non": "normal", "0": "normal", "normalement insere": "normal",
        "low": "low", "bas insere": "low", "low-lying": "low", "bas": "low",
        "praevia": "praevia", "previa": "praevia", "recouvrant": "praevia",
        "yes": "praevia", "oui": "praevia", "1": "praevia",
        "accreta": "accreta", "suspicion d'accreta": "accreta",
    },
    "onset": {
        "spontaneous": "spontaneous", "spontane": "spontaneous", "travail spontane": "spontaneous",
        "induced": "induced", "induction": "induced", "declenche": "induced", "declenchement": "induced",
        "planned caesarean": "planned_caesarean", "elective caesarean": "planned_caesarean",
        "elective": "planned_caesarean", "cesarienne programmee": "planned_caesarean",
        "cesarienne avant travail": "planned_caesarean", "programmee": "planned_caesarean",
    },
}  # fmt: skip

# Entered by the model or needed to work out what is; the rest of the form may be mapped and is left aside.
USED = (
    "birth_date", "age", "parity", "gestation_weeks", "gestation_days", "height_cm", "weight_kg", "bmi",
    "fetuses", "estimated_fetal_weight_g", "previous_caesareans", "previous_pph", "placenta",
    "antepartum_bleeding", "preeclampsia", "severe_preeclampsia", "gestational_hypertension",
    "gestational_diabetes", "polyhydramnios", "fibroids", "anticoagulant", "bleeding_disorder",
    "chorioamnionitis", "fetal_death", "art", "onset", "haemoglobin", "platelets",
)  # fmt: skip

_OWN = {
    MOTHER: Mapped(
        MOTHER,
        Text("Mother’s number", "Numéro de la mère"),
        FieldKind.TEXT,
        needed=True,
        help=Text(
            "Pseudonymous, the same for every birth of one mother",
            "Pseudonyme, le même pour tous les accouchements d’une mère",
        ),
    ),
    DATE: Mapped(
        DATE,
        Text("Date of admission or of the birth", "Date d’admission ou d’accouchement"),
        FieldKind.DATE,
        UNITS[DATE],
        needed=True,
        help=Text("Orders the births in time", "Ordonne les accouchements dans le temps"),
    ),
    "age": Mapped("age", Text("Age", "Âge"), FieldKind.NUMBER, UNITS["age"], 10, 60),
    "bmi": Mapped(
        "bmi",
        Text("BMI before pregnancy", "IMC avant la grossesse"),
        FieldKind.NUMBER,
        UNITS["bmi"],
        12,
        70,
        help=Text(
            "Or height and weight before pregnancy", "Ou la taille et le poids avant la grossesse"
        ),
    ),
    LOSS: Mapped(
        LOSS,
        Text("Blood loss, the outcome", "Pertes sanguines, le critère"),
        FieldKind.NUMBER,
        UNITS[LOSS],
        0,
        20_000,
        used=False,
        help=Text("Total of the 24 hours after birth", "Total des 24 heures suivant l’accouchement"),
    ),
    SEVERE: Mapped(
        SEVERE,
        Text("Severe haemorrhage yes or no, the outcome", "Hémorragie sévère oui ou non, le critère"),
        FieldKind.TERNARY,
        choices=(Choice("yes", Text("Yes", "Oui")), Choice("no", Text("No", "Non"))),
        words=YES_NO,
        used=False,
        help=Text("Only where blood loss is not measured", "Seulement si les pertes ne sont pas mesurées"),
    ),
}  # fmt: skip


def _of_form(name: str) -> Mapped:
    source = BY_NAME[name]
    words = WORDS.get(name, YES_NO if source.kind is FieldKind.TERNARY else {})
    return Mapped(
        name=name,
        label=source.label,
        kind=source.kind,
        units=UNITS.get(name, ()),
        minimum=source.minimum,
        maximum=source.maximum,
        choices=tuple(choice for choice in source.choices if choice.code != "unknown"),
        words=words,
        used=name in USED,
    )


FIELDS: dict[str, Mapped] = {
    name: _OWN.get(name) or _of_form(name)
    for name in (
        MOTHER, DATE, *OUTCOMES, *USED,
        *(n for n in BY_NAME if n not in USED and n != DATE),
    )
}  # fmt: skip

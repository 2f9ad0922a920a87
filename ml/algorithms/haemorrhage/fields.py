"""The questions of the admission form, in the order asked. Standard library only.

Limits: hard ones refuse (a slip of the pen), soft ones ask (a rare woman). Nothing has a default,
because an unanswered question is unknown and never "no".
"""

from __future__ import annotations

from ml.contracts import TERNARY_CHOICES, Choice, Field, FieldKind, Section, Text

PREGNANCY, HISTORY, TODAY = "pregnancy", "history", "today"

SECTIONS = (
    Section(PREGNANCY, Text("Pregnancy", "Grossesse")),
    Section(HISTORY, Text("History and conditions", "Antécédents et pathologies")),
    Section(TODAY, Text("Today", "Aujourd’hui")),
)

UNKNOWN = Choice("unknown", Text("Unknown", "Inconnu"))


def _ternary(
    name: str, en: str, fr: str, *, section: str = HISTORY, help: Text | None = None, counted: bool = True
) -> Field:
    return Field(
        name=name,
        kind=FieldKind.TERNARY,
        label=Text(en, fr),
        section=section,
        choices=TERNARY_CHOICES,
        help=help,
        counted=counted,
    )


def _choice(name: str, label: Text, section: str, choices: tuple[Choice, ...], **more: object) -> Field:
    return Field(
        name=name,
        kind=FieldKind.CHOICE,
        label=label,
        section=section,
        choices=(*choices, UNKNOWN),
        **more,
    )


_PREGNANCY = (
    Field(
        name="admission_at",
        kind=FieldKind.DATETIME,
        label=Text("Time of admission", "Date et heure d’admission"),
        section=PREGNANCY,
        required=True,
        help=Text(
            "Not in the future. Example: 21/11/2026 07:40", "Pas dans le futur. Exemple : 21/11/2026 07:40"
        ),
    ),
    Field(
        name="birth_date",
        kind=FieldKind.DATE,
        label=Text("Date of birth", "Date de naissance"),
        section=PREGNANCY,
        counted=True,
        help=Text("Taken from the record when it is there", "Reprise du dossier lorsqu’elle y figure"),
    ),
    Field(
        name="gravidity",
        kind=FieldKind.INTEGER,
        label=Text("Gravidity", "Gestité"),
        section=PREGNANCY,
        minimum=1,
        maximum=20,
        help=Text("Pregnancies including this one", "Nombre de grossesses, celle-ci comprise"),
        code="11996-6",
    ),
    Field(
        name="parity",
        kind=FieldKind.INTEGER,
        label=Text("Parity", "Parité"),
        section=PREGNANCY,
        minimum=0,
        maximum=15,
        counted=True,
        help=Text("Births before this one", "Nombre d’accouchements avant celui-ci"),
        code="11977-6",
    ),
    Field(
        name="gestation_weeks",
        kind=FieldKind.INTEGER,
        label=Text("Gestation, completed weeks", "Terme, semaines révolues"),
        section=PREGNANCY,
        unit="SA",
        minimum=22,
        maximum=43,
        warn_below=24,
        warn_above=41,
        counted=True,
        help=Text(
            "Weeks of amenorrhoea; 39+4 may be written here in one go",
            "Semaines d’aménorrhée ; 39+4 peut être saisi ici en une fois",
        ),
        code="11884-4",
    ),
    Field(
        name="gestation_days",
        kind=FieldKind.INTEGER,
        label=Text("Gestation, further days", "Terme, jours supplémentaires"),
        section=PREGNANCY,
        minimum=0,
        maximum=6,
    ),
    Field(
        name="height_cm",
        kind=FieldKind.NUMBER,
        label=Text("Height", "Taille"),
        section=PREGNANCY,
        unit="cm",
        minimum=120,
        maximum=210,
        counted=True,
        help=Text("Needed for the BMI", "Nécessaire pour l’IMC"),
    ),
    Field(
        name="weight_kg",
        kind=FieldKind.NUMBER,
        label=Text("Weight before pregnancy", "Poids avant la grossesse"),
        section=PREGNANCY,
        unit="kg",
        minimum=30,
        maximum=250,
        counted=True,
        help=Text("Not today’s weight", "Pas le poids du jour"),
    ),
    Field(
        name="fetuses",
        kind=FieldKind.INTEGER,
        label=Text("Number of fetuses", "Nombre de fœtus"),
        section=PREGNANCY,
        minimum=1,
        maximum=4,
        counted=True,
    ),
    _choice(
        "presentation",
        Text("Presentation", "Présentation"),
        PREGNANCY,
        (
            Choice("cephalic", Text("Cephalic", "Céphalique")),
            Choice("breech", Text("Breech", "Siège")),
            Choice("other", Text("Transverse or other", "Transverse ou autre")),
        ),
    ),
    Field(
        name="estimated_fetal_weight_g",
        kind=FieldKind.NUMBER,
        label=Text("Estimated fetal weight", "Poids fœtal estimé"),
        section=PREGNANCY,
        unit="g",
        minimum=300,
        maximum=6500,
        warn_above=4000,
        counted=True,
        help=Text(
            "Last ultrasound estimate; the heaviest fetus of a multiple pregnancy",
            "Dernière estimation échographique ; le fœtus le plus lourd si grossesse multiple",
        ),
    ),
)

_HISTORY = (
    Field(
        name="previous_caesareans",
        kind=FieldKind.INTEGER,
        label=Text("Previous caesareans", "Césariennes antérieures"),
        section=HISTORY,
        minimum=0,
        maximum=6,
        counted=True,
    ),
    _choice(
        "previous_pph",
        Text("Previous postpartum haemorrhage", "Antécédent d’hémorragie du post-partum"),
        HISTORY,
        (
            Choice("none", Text("None", "Aucune")),
            Choice("pph_500", Text("≥ 500 mL", "≥ 500 mL")),
            Choice("pph_1000", Text("≥ 1000 mL", "≥ 1000 mL")),
        ),
        counted=True,
    ),
    _choice(
        "placenta",
        Text("Placenta", "Placenta"),
        HISTORY,
        (
            Choice("normal", Text("Normally sited", "Normalement inséré")),
            Choice("low", Text("Low-lying", "Bas inséré")),
            Choice("praevia", Text("Praevia", "Prævia")),
            Choice("accreta", Text("Accreta suspected", "Suspicion d’accreta")),
        ),
        counted=True,
    ),
    _ternary(
        "antepartum_bleeding",
        "Antepartum bleeding or abruption",
        "Hémorragie antepartum ou hématome rétroplacentaire",
        help=Text("More than a show", "Plus qu’une simple perte du bouchon muqueux"),
    ),
    _ternary("preeclampsia", "Pre-eclampsia", "Prééclampsie"),
    _ternary("severe_preeclampsia", "Severe pre-eclampsia or HELLP", "Prééclampsie sévère ou HELLP"),
    _ternary("gestational_hypertension", "Gestational hypertension", "Hypertension gravidique"),
    _ternary("gestational_diabetes", "Gestational diabetes", "Diabète gestationnel"),
    _ternary("polyhydramnios", "Polyhydramnios", "Hydramnios"),
    _ternary("fibroids", "Fibroids", "Fibromes utérins"),
    _ternary(
        "anticoagulant",
        "Anticoagulant",
        "Traitement anticoagulant",
        help=Text("During this pregnancy", "Au cours de cette grossesse"),
    ),
    _ternary("bleeding_disorder", "Bleeding disorder", "Trouble de l’hémostase"),
    _ternary("chorioamnionitis", "Chorioamnionitis", "Chorioamniotite"),
    _ternary("fetal_death", "Fetal death in utero", "Mort fœtale in utero"),
    _ternary("art", "Assisted reproduction (ART)", "Assistance médicale à la procréation (AMP)"),
)

_TODAY = (
    _choice(
        "onset",
        Text("Onset of labour", "Mode de début du travail"),
        TODAY,
        (
            Choice("spontaneous", Text("Spontaneous", "Spontané")),
            Choice("induced", Text("Induced", "Déclenché")),
            Choice("planned_caesarean", Text("Planned caesarean", "Césarienne programmée")),
        ),
        counted=True,
    ),
    _choice(
        "induction_method",
        Text("Method of induction", "Méthode de déclenchement"),
        TODAY,
        (
            Choice("prostaglandin", Text("Prostaglandin", "Prostaglandine")),
            Choice("balloon", Text("Balloon", "Ballonnet")),
            Choice("oxytocin", Text("Oxytocin", "Ocytocine")),
            Choice("amniotomy", Text("Amniotomy", "Rupture artificielle des membranes")),
            Choice("other", Text("Other", "Autre")),
        ),
        help=Text("Only if labour is induced", "Seulement si le travail est déclenché"),
    ),
    Field(
        name="haemoglobin",
        kind=FieldKind.NUMBER,
        label=Text("Haemoglobin", "Hémoglobine"),
        section=TODAY,
        unit="g/dL",
        minimum=4,
        maximum=20,
        warn_below=9,
        timed=True,
        counted=True,
        code="718-7",
    ),
    Field(
        name="platelets",
        kind=FieldKind.NUMBER,
        label=Text("Platelets", "Plaquettes"),
        section=TODAY,
        unit="G/L",
        minimum=5,
        maximum=1000,
        warn_below=100,
        timed=True,
        counted=True,
        code="777-3",
    ),
    Field(
        name="fibrinogen",
        kind=FieldKind.NUMBER,
        label=Text("Fibrinogen", "Fibrinogène"),
        section=TODAY,
        unit="g/L",
        minimum=0.5,
        maximum=10,
        warn_below=3,
        timed=True,
        help=Text("Recorded; not in the figure", "Enregistré ; n’entre pas dans le calcul"),
    ),
    Field(
        name="aptt_ratio",
        kind=FieldKind.NUMBER,
        label=Text("aPTT ratio", "TCA, rapport patiente/témoin"),
        section=TODAY,
        minimum=0.5,
        maximum=5,
        warn_above=1.09,  # the published limit is ≥ 1.1, and ratios are written with two decimals
        timed=True,
        help=Text("Recorded; not in the figure", "Enregistré ; n’entre pas dans le calcul"),
    ),
    _ternary(
        "refuses_transfusion",
        "Refuses transfusion",
        "Refus de transfusion",
        section=TODAY,
        help=Text("Recorded; not in the figure", "Enregistré ; n’entre pas dans le calcul"),
        counted=False,
    ),
)

FIELDS = (*_PREGNANCY, *_HISTORY, *_TODAY)
BY_NAME = {field.name: field for field in FIELDS}

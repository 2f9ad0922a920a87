"""What can be wrong with a mapping, in both languages. Standard library only."""

from __future__ import annotations

import difflib
from collections.abc import Mapping as Map
from collections.abc import Sequence

from ml.algorithms.haemorrhage.mapping.fields import FIELDS, LOSS, SEVERE, Mapped
from ml.algorithms.haemorrhage.mapping.names import leak
from ml.contracts import Problem, Text

WRONG_WINDOW = Problem(
    "wrong_window",
    Text(
        "The outcome is counted within at most 24 hours of birth, as the form promises. Give “window_hours” "
        "from 1 to 24, or export another column.",
        "Le critère se compte dans les 24 heures suivant l’accouchement au plus, comme l’annonce le "
        "formulaire. Indiquez « window_hours » de 1 à 24, ou exportez une autre colonne.",
    ),
    field="outcome",
)
WRONG_THRESHOLD = Problem(
    "wrong_threshold",
    Text(
        "The figure is about losing 1000 mL or more: “threshold_ml” cannot be anything else.",
        "Le chiffre porte sur des pertes de 1000 mL ou plus : « threshold_ml » ne peut pas être autre.",
    ),
    field="outcome",
)
NO_PREDICTOR = Problem(
    "no_predictor",
    Text(
        "No column is given for any factor of the form: map at least one, such as parity.",
        "Aucune colonne n’est indiquée pour un facteur du formulaire : indiquez-en au moins un, par exemple "
        "la parité.",
    ),
)
OUTCOME_NOT_ONE = Problem(
    "outcome_not_one",
    Text(
        "Give one outcome: either the measured blood loss (blood_loss_ml) or a yes/no column (severe_pph), "
        "not both and not none.",
        "Indiquez un seul critère : les pertes sanguines mesurées (blood_loss_ml) ou une colonne oui/non "
        "(severe_pph), pas les deux, ni aucun.",
    ),
    field=LOSS,
)
OUTCOME_NOT_DEFINED = Problem(
    "outcome_not_defined",
    Text(
        "A yes/no outcome has to be defined in words (outcome: definition), so that everybody can see what "
        "was counted.",
        "Un critère oui/non doit être défini en toutes lettres (outcome : definition), pour que chacun voie "
        "ce qui a été compté.",
    ),
    field=SEVERE,
)
NOT_A_MAPPING = Problem(
    "not_a_mapping",
    Text(
        "This is no mapping: it needs the key “columns”, with one column of the file per field of the form.",
        "Ce n’est pas une correspondance : il faut la clé « columns », avec une colonne du fichier "
        "par champ du formulaire.",
    ),
)


def shown(name: str) -> str:
    """Return a name from a file fit to be shown in a sentence: printable, and not too long."""
    text = "".join(c if c.isprintable() else "�" for c in name)
    return text if len(text) <= 60 else f"{text[:60]}…"


def absent(name: str, column: str, header: Sequence[str]) -> Problem:
    """Name a column the file lacks, and the one it may be."""
    near = difflib.get_close_matches(column, header, 1, 0.6)
    hint = Text(f" Is it “{shown(near[0])}”?", f" Est-ce « {shown(near[0])} » ?") if near else Text("", "")
    label = FIELDS[name].label
    return Problem(
        "column_missing",
        Text(
            f"{label.en}: the file has no column “{shown(column)}”.{hint.en} Correct the mapping or the "
            "export.",
            f"{label.fr} : le fichier n’a pas de colonne « {shown(column)} ».{hint.fr} "
            "Corrigez la correspondance ou l’export.",
        ),
        field=name,
    )


def ambiguous(name: str, column: str) -> Problem:
    """Name a column that the file has several times."""
    return Problem(
        "column_ambiguous",
        Text(
            f"The file has several columns called “{shown(column)}”. Give each its own name.",
            f"Le fichier a plusieurs colonnes appelées « {shown(column)} ». Donnez à chacune un nom.",
        ),
        field=name,
    )


def twice(name: str, column: str) -> Problem:
    """Name a column mapped to several fields."""
    return Problem(
        "column_twice",
        Text(
            f"The column “{shown(column)}” is given for several fields. Each column fills one field.",
            f"La colonne « {shown(column)} » est indiquée pour plusieurs champs. Une colonne remplit un "
            "seul champ.",
        ),
        field=name,
    )


def leaking(name: str, column: str) -> list[Problem]:
    """Name a column that admission cannot know, or say nothing."""
    what = leak(column)
    if what is None:
        return []
    label = FIELDS[name].label
    return [
        Problem(
            "known_only_later",
            Text(
                f"{label.en}: the column “{shown(column)}” looks like {what.en}, which nobody knows at "
                "admission. Take it out of the mapping, or rename it if it was recorded before the birth.",
                f"{label.fr} : la colonne « {shown(column)} » semble contenir {what.fr}, que personne ne "
                "connaît à l’admission. Retirez-la de la correspondance, ou renommez-la si elle a été "
                "relevée avant l’accouchement.",
            ),
            field=name,
        )
    ]


def unknown_unit(known: Mapped, unit: str) -> Problem:
    """Name a unit the field cannot be in, and those it can."""
    units = ", ".join(u.code for u in known.units)
    choose = (
        Text(f"Choose from {units}.", f"Choisissez parmi {units}.")
        if units
        else Text("This field has no unit: leave it out.", "Ce champ n’a pas d’unité : retirez-la.")
    )
    return Problem(
        "unknown_unit",
        Text(
            f"{known.label.en}: the unit “{shown(unit)}” is not known. {choose.en}",
            f"{known.label.fr} : l’unité « {shown(unit)} » n’est pas connue. {choose.fr}",
        ),
        field=known.name,
    )


def unknown_codes(known: Mapped, codes: Map[str, str]) -> list[Problem]:
    """Name the codes that are no answers of the form."""
    allowed = {choice.code for choice in known.choices} | {"unknown"}
    if not known.choices:
        wrong = [code for code in codes.values() if code != "unknown" and not code.isdecimal()]
        answers = Text("a whole number or unknown", "un nombre entier ou unknown")
    else:
        wrong = [code for code in codes.values() if code not in allowed]
        answers = Text(", ".join(sorted(allowed)), ", ".join(sorted(allowed)))
    return [
        Problem(
            "unknown_code",
            Text(
                f"{known.label.en}: “{shown(code)}” is no answer of the form. Possible: {answers.en}.",
                f"{known.label.fr} : « {shown(code)} » n’est pas une réponse du formulaire. "
                f"Possibles : {answers.fr}.",
            ),
            field=known.name,
        )
        for code in dict.fromkeys(wrong)
    ]


def bad(name: str, en: str, fr: str) -> Problem:
    """Say what shape an entry must have."""
    return Problem(
        "not_a_mapping",
        Text(f"“{shown(name)}” must be {en}.", f"« {shown(name)} » doit être {fr}."),
        field=shown(name),
    )


def not_mapped(known: Mapped) -> Problem:
    """Name a field that training cannot do without."""
    return Problem(
        "not_mapped",
        Text(
            f"No column is given for “{known.label.en}” ({known.name}); training needs it.",
            f"Aucune colonne n’est indiquée pour « {known.label.fr} » ({known.name}) ; l’entraînement en a "
            "besoin.",
        ),
        field=known.name,
    )


def unknown_field(name: str) -> Problem:
    """Name a key that is no field, and the field it may have meant."""
    near = difflib.get_close_matches(name, FIELDS, 1)
    hint = Text("", "")
    if near:
        hint = Text(f" Did you mean “{near[0]}”?", f" Vouliez-vous dire « {near[0]} » ?")
    return Problem(
        "unknown_field",
        Text(
            f"“{shown(name)}” is no field of the admission form.{hint.en}",
            f"« {shown(name)} » n’est pas un champ du formulaire d’admission.{hint.fr}",
        ),
        field=shown(name),
    )

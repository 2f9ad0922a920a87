"""The blood loss measured after a birth: its three questions and their checks. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ml.algorithms.haemorrhage import parsing, rules
from ml.algorithms.haemorrhage.parsing import written
from ml.contracts import (
    Choice,
    Contract,
    Field,
    FieldKind,
    InputKind,
    Limits,
    Problem,
    Section,
    Severity,
    Text,
)

# Nobody measures to the drop, and nobody loses five litres unnoticed: below and above, a unit is in doubt.
LITRES_BELOW = 20
LITRES = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,3})?)\s*(?:l|litres?|liters?)", re.I)

FIELDS = (
    Field(
        name="millilitres",
        kind=FieldKind.INTEGER,
        label=Text("Blood loss within 24 hours", "Pertes sanguines en 24 heures"),
        section="loss",
        unit="mL",
        required=True,
        minimum=0,
        maximum=15_000,
        warn_above=5_000,
        help=Text("Everything lost, by whatever way she gave birth", "Total, quelle que soit la voie"),
    ),
    Field(
        name="method",
        kind=FieldKind.CHOICE,
        label=Text("How it was measured", "Mode de mesure"),
        section="loss",
        required=True,
        choices=(
            Choice("weighed", Text("Weighed", "Pesée")),
            Choice("collector", Text("Collector bag", "Sac de recueil")),
            Choice("estimated", Text("Estimated by eye", "Estimation visuelle")),
        ),
    ),
    Field(
        name="measured_at",
        kind=FieldKind.DATETIME,
        label=Text("Time of the measurement", "Heure de la mesure"),
        section="loss",
        required=True,
        help=Text("Example: 2026-11-21 15:20", "Exemple : 21/11/2026 15:20"),
    ),
)
FORM = Contract(
    name="blood_loss",
    title=Text("Measured blood loss", "Pertes sanguines mesurées"),
    purpose=Text(
        "What was lost within 24 hours of the birth. It closes the assessments of this stay.",
        "Ce qui a été perdu dans les 24 heures suivant l’accouchement. La saisie clôt les évaluations de "
        "cette venue.",
    ),
    input_kind=InputKind.FORM,
    queue="tabular",
    limits=Limits(seconds=1, memory_bytes=0),
    sections=(Section("loss", Text("After the birth", "Après l’accouchement")),),
    fields=FIELDS,
)
BY_NAME = {field.name: field for field in FIELDS}


def check(
    values: Mapping[str, Any], *, admitted: datetime | None, at: datetime | None = None
) -> tuple[dict[str, Any], list[Problem]]:
    """Read and check one measurement.

    Parameters
    ----------
    values
        Raw answers by field name, as typed or as JSON.
    admitted
        When she came, aware: nothing after the birth was measured before it; ``None`` when unknown.
    at
        The present moment; the clock's when ``None``.

    Returns
    -------
    typed : dict
        ``millilitres`` (int), ``method`` (code), ``measured_at`` (aware datetime); ``None`` where refused.
    problems : list of Problem
        Refusals and questions, in the order of the form.
    """
    typed: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in FIELDS:
        typed[field.name] = _read(field, values.get(field.name), problems)
    problems += _time(typed["measured_at"], admitted, at or parsing.now())
    return typed, problems


def _read(field: Field, raw: Any, problems: list[Problem]) -> Any:
    if parsing.is_blank(raw):
        problems.append(_missing(field))
        return None
    try:
        if field.kind is FieldKind.INTEGER:
            _refuse_litres(field, raw)
        value = parsing.parse(field, raw)
    except parsing.Unreadable as refusal:
        problems.append(refusal.problem)
        return None
    found = rules.within(field, value)
    if field.kind is FieldKind.INTEGER and 0 < value < LITRES_BELOW:
        found = [*found, _litres(field, value, Severity.WARN)]
    problems += found
    return None if any(problem.severity is Severity.REFUSE for problem in found) else value


def _refuse_litres(field: Field, raw: Any) -> None:
    """Refuse what can only be litres, "1.2 L" and "0.62": nobody measures fractions of a millilitre.

    Raises
    ------
    parsing.Unreadable
        With what it would be in millilitres, or with an example of this field when it is no number.
    """
    if isinstance(raw, str) and (unit := LITRES.fullmatch(raw.strip(parsing.BLANK))):
        litres = float(unit[1].replace(",", "."))
        raise parsing.Unreadable(_litres(field, litres, Severity.REFUSE))
    try:
        value = parsing.parse_number(field, raw)
    except parsing.Unreadable as refusal:
        if refusal.problem.code != "not_a_number":
            raise
        raise parsing.fail(
            field,
            "not_a_number",
            "{label}: this is not a number in mL. Write it in figures, for example 620 mL.",
            "{label} : ce n’est pas un nombre en mL. Écrivez-le en chiffres, par exemple 620 mL.",
        ) from refusal
    if value != int(value) and 0 < value < LITRES_BELOW:
        raise parsing.Unreadable(_litres(field, value, Severity.REFUSE))


def _litres(field: Field, value: float, severity: Severity) -> Problem:
    """Ask whether "2" or "0.62" is in litres, and say what it is in the unit of the field.

    A whole number below ``LITRES_BELOW`` may be true, so it can be confirmed; a fraction cannot.
    """
    typed, meant = written(value, 3), written(1000 * value, 0)
    keep_en = f" Go on only if {typed.en} mL is meant." if severity is Severity.WARN else ""
    keep_fr = f" Ne confirmez que s’il s’agit bien de {typed.fr} mL." if severity is Severity.WARN else ""
    return Problem(
        "blood_loss_in_litres",
        Text(
            f"{field.label.en}: is {typed.en} in litres? This field is in mL: "
            f"{typed.en} L is {meant.en} mL.{keep_en}",
            f"{field.label.fr} : {typed.fr} est-il en litres ? Ce champ est en mL : "
            f"{typed.fr} L font {meant.fr} mL.{keep_fr}",
        ),
        severity=severity,
        field=field.name,
    )


def _missing(field: Field) -> Problem:
    return Problem(
        "required",
        Text(f"{field.label.en}: this is needed.", f"{field.label.fr} : ce champ est obligatoire."),
        field=field.name,
    )


def _time(measured: datetime | None, admitted: datetime | None, now: datetime) -> list[Problem]:
    label = BY_NAME["measured_at"].label
    if measured is not None and measured > now + rules.CLOCK_TOLERANCE:
        message = Text(
            f"{label.en}: this lies in the future. Check the date.",
            f"{label.fr} : cette date est dans le futur. Vérifiez-la.",
        )
        return [Problem("in_the_future", message, field="measured_at")]
    # People type minutes: a measurement of the very minute she came is not before it.
    if measured is not None and admitted is not None and measured < admitted.replace(second=0, microsecond=0):
        message = Text(
            f"{label.en}: this is before the admission. Check both times.",
            f"{label.fr} : cette heure précède l’admission. Vérifiez les deux.",
        )
        return [Problem("before_admission", message, field="measured_at")]
    return []

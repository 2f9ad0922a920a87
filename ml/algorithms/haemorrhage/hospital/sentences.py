"""Why a table is refused, in both languages: what was found, in which column, and what to do."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from ml.algorithms.haemorrhage.mapping import Mapped, Unit
from ml.algorithms.haemorrhage.mapping.problems import shown
from ml.algorithms.haemorrhage.parsing import written
from ml.contracts import Problem, Text

WORDS_NAMED = 5


def percent(share: float) -> Text:
    """Write a share as a percentage with the digits that matter."""
    value = 100 * share
    number = written(value, 0 if value >= 10 else 1 if value >= 1 else 2)
    return Text(f"{number.en} %", f"{number.fr} %")


def _about(code: str, known: Mapped, column: str, en: str, fr: str) -> Problem:
    """Begin a sentence with the field and the name of its column."""
    return Problem(
        code,
        Text(
            f"{known.label.en}, column “{shown(column)}”: {en}",
            f"{known.label.fr}, colonne « {shown(column)} » : {fr}",
        ),
        field=known.name,
    )


def wrong_unit(known: Mapped, column: str, unit: Unit, likely: Unit | None, median: float) -> Problem:
    """Say in which unit a column seems to be."""
    value = written(median, 2)
    if likely is None:
        return _about(
            "wrong_unit",
            known,
            column,
            f"half of the values lie above {value.en}, which fits no unit of this field (mapped as "
            f"{unit.label.en}). Is it the right column?",
            f"la moitié des valeurs dépassent {value.fr}, ce qui ne correspond à aucune unité de ce champ "
            f"(indiquée : {unit.label.fr}). Est-ce la bonne colonne ?",
        )
    return _about(
        "wrong_unit",
        known,
        column,
        f"mapped as {unit.label.en}, but half of the values lie above {value.en}: that looks like "
        f"{likely.label.en}. Set the unit to {likely.code}, or check the column.",
        f"indiquée en {unit.label.fr}, mais la moitié des valeurs dépassent {value.fr} : cela ressemble à "
        f"{likely.label.fr}. Indiquez l’unité {likely.code}, ou vérifiez la colonne.",
    )


def parity_counts_this_birth(known: Mapped, column: str) -> Problem:
    """Say that nobody has parity 0."""
    return _about(
        "wrong_unit",
        known,
        column,
        "no woman has parity 0, so this birth seems to be counted. Set the unit to “including”.",
        "aucune femme n’a une parité de 0 : cet accouchement semble compté. Indiquez l’unité « including ».",
    )


def parity_has_zero(known: Mapped, column: str) -> Problem:
    """Say that this birth is not counted after all."""
    return _about(
        "wrong_unit",
        known,
        column,
        "mapped as counting this birth, but there are zeros. Set the unit to “before”.",
        "indiquée comme comptant cet accouchement, mais elle contient des zéros. Indiquez l’unité « before "
        "».",
    )


def strange_words(known: Mapped, column: str, words: Counter[str], filled: int) -> Problem:
    """Name the words that nobody explained."""
    most = [shown(word) for word, _ in words.most_common(WORDS_NAMED)]
    share = percent(sum(words.values()) / filled)
    listed = Text(", ".join(f"“{w}”" for w in most), ", ".join(f"« {w} »" for w in most))
    if known.choices:
        hint = Text(
            "Say at the column what they stand for (“codes” in mapping.yaml).",
            "Indiquez à la colonne ce qu’ils signifient (« codes » dans mapping.yaml).",
        )
    else:
        hint = Text(
            "Correct the export or its unit, or add them to the further words for “not known” (“missing” in "
            "mapping.yaml).",
            "Corrigez l’export ou l’unité, ou ajoutez-les aux autres mots pour « inconnu » (« missing » "
            "dans mapping.yaml).",
        )
    return _about(
        "not_understood",
        known,
        column,
        f"{share.en} of the values are not understood: {listed.en}. {hint.en}",
        f"{share.fr} des valeurs ne sont pas comprises : {listed.fr}. {hint.fr}",
    )


def impossible_values(known: Mapped, column: str, count: int, filled: int) -> Problem:
    """Say how many values cannot be."""
    share, low, high = percent(count / filled), written(known.minimum or 0), written(known.maximum or 0)
    limits = Text(f"{low.en} to {high.en}", f"{low.fr} à {high.fr}")
    return _about(
        "impossible_values",
        known,
        column,
        f"{share.en} of the values are impossible (limits {limits.en}). Check the unit and the column.",
        f"{share.fr} des valeurs sont impossibles (limites : {limits.fr}). Vérifiez l’unité et la colonne.",
    )


def impossible_ages(known: Mapped, column: str, share: float) -> Problem:
    """Say that a date of birth is not the mother's."""
    found = percent(share)
    return _about(
        "impossible_values",
        known,
        column,
        f"{found.en} of the women would be younger than 10 or older than 60. Is it the mother’s date of "
        "birth?",
        f"{found.fr} des femmes auraient moins de 10 ans ou plus de 60 ans. Est-ce la date de naissance de "
        "la mère ?",
    )


def too_often_empty(known: Mapped, column: str, share: float) -> Problem:
    """Say how often something needed is missing."""
    found = percent(share)
    return _about(
        "too_often_empty",
        known,
        column,
        f"empty or unreadable in {found.en} of the rows. Births cannot be learned from without it, and "
        "leaving so many out would no longer show the ward. Complete the export.",
        f"vide ou illisible dans {found.fr} des lignes. Sans elle, un accouchement ne peut pas servir, et en "
        "écarter autant ne représenterait plus le service. Complétez l’export.",
    )


def _pairs(pairs: Sequence[tuple[int, int]]) -> Text:
    return Text(
        "; ".join(f"rows {a} and {b}" for a, b in pairs), " ; ".join(f"lignes {a} et {b}" for a, b in pairs)
    )


def same_birth_twice(count: int, pairs: Sequence[tuple[int, int]]) -> Problem:
    """Name rows that are one birth."""
    named = _pairs(pairs)
    return Problem(
        "same_birth_twice",
        Text(
            f"{count} births are there twice: the same mother on the same day ({named.en}). Keep one row "
            "per birth; twins are one birth.",
            f"{count} accouchements figurent deux fois : la même mère, le même jour ({named.fr}). Gardez "
            "une ligne par accouchement ; des jumeaux sont un seul accouchement.",
        ),
        field="mother",
    )


def births_too_close(count: int, pairs: Sequence[tuple[int, int]]) -> Problem:
    """Name births that cannot be of one mother."""
    named = _pairs(pairs)
    return Problem(
        "births_too_close",
        Text(
            f"{count} mothers have two births within five months ({named.en}). Check the mother’s number "
            "and the dates.",
            f"{count} mères ont deux accouchements en moins de cinq mois ({named.fr}). Vérifiez le numéro "
            "de la mère et les dates.",
        ),
        field="mother",
    )


def too_few_rows(rows: int, least: int) -> Problem:
    """Say how many births are needed."""
    return Problem(
        "too_few_rows",
        Text(
            f"Only {rows} births can be used; at least {least} are needed. Export a longer period.",
            f"Seuls {rows} accouchements sont utilisables ; il en faut au moins {least}. Exportez une "
            "période plus longue.",
        ),
    )


def too_few_events(events: int, least: int) -> Problem:
    """Say how many events are needed."""
    return Problem(
        "too_few_events",
        Text(
            f"Only {events} severe haemorrhages; below {least} not even the incidence can be learned. "
            "Export a longer period.",
            f"Seulement {events} hémorragies sévères ; en dessous de {least}, même l’incidence ne peut être "
            "apprise. Exportez une période plus longue.",
        ),
    )


def label_all_zero(known: Mapped, column: str) -> Problem:
    """Say that nobody has the outcome."""
    return _about(
        "label_all_zero",
        known,
        column,
        "not one birth has the outcome (1000 mL or more). Check the column, its unit and its codes.",
        "aucun accouchement n’a le critère (1000 mL ou plus). Vérifiez la colonne, son unité et ses codes.",
    )


def loss_is_zero(known: Mapped, column: str, share: float) -> Problem:
    """Say that no birth is without loss: 0 stands for one that nobody measured."""
    if share == 1:
        return _about(
            "label_all_zero",
            known,
            column,
            "every value is 0 mL. No birth is without blood loss: it was probably not measured. Check the "
            "column.",
            "toutes les valeurs sont de 0 mL. Aucun accouchement n’est sans perte de sang : elles n’ont sans "
            "doute pas été mesurées. Vérifiez la colonne.",
        )
    found = percent(share)
    return _about(
        "zero_not_measured",
        known,
        column,
        f"{found.en} of the values are 0 mL. No birth is without blood loss: 0 probably stands for “not "
        "measured”. Leave those cells empty in the export.",
        f"{found.fr} des valeurs sont de 0 mL. Aucun accouchement n’est sans perte de sang : 0 signifie sans "
        "doute « non mesuré ». Laissez ces cellules vides dans l’export.",
    )


def label_all_one(known: Mapped, column: str) -> Problem:
    """Say that everybody has the outcome."""
    return _about(
        "label_all_one",
        known,
        column,
        "every birth has the outcome. Were only haemorrhages exported? All births of the period are needed.",
        "tous les accouchements ont le critère. N’a-t-on exporté que les hémorragies ? Il faut tous les "
        "accouchements de la période.",
    )


def absurd_incidence(
    known: Mapped, column: str, events: int, rows: int, limits: tuple[float, float]
) -> Problem:
    """Say that no maternity has this incidence."""
    found, low, high = percent(events / rows), percent(limits[0]), percent(limits[1])
    return _about(
        "absurd_incidence",
        known,
        column,
        f"{events} of {rows} births have the outcome, {found.en}; in a maternity it is {low.en} to "
        f"{high.en}. Check the column, its unit, and that all births of the period are in the file.",
        f"{events} accouchements sur {rows} ont le critère, {found.fr} ; en maternité, c’est {low.fr} à "
        f"{high.fr}. "
        "Vérifiez la colonne, son unité, et que tous les accouchements de la période sont dans le fichier.",
    )


def tells_the_outcome(known: Mapped, column: str) -> Problem:
    """Say that a column was written down afterwards."""
    return _about(
        "tells_the_outcome",
        known,
        column,
        "it nearly tells the outcome on its own, as nothing known at admission does. It was probably written "
        "down after the birth: take it out of the mapping.",
        "elle indique presque à elle seule le critère, ce que rien de connu à l’admission ne fait. Elle a "
        "sans doute été remplie après l’accouchement : retirez-la de la correspondance.",
    )


def missing_there(shares: tuple[float, float]) -> Text:
    """Compare how often a column is empty."""
    here, rest = (percent(share) for share in shares)
    return (
        Text(
            f"empty in {here.en} of the births, elsewhere in {rest.en}",
            f"vide dans {here.fr} des accouchements, ailleurs dans {rest.fr}",
        )
        if math.isfinite(shares[1])
        else Text(f"empty in {here.en}", f"vide dans {here.fr}")
    )


def code_there(code: str, shares: tuple[float, float]) -> Text:
    """Compare how common an answer is."""
    here = percent(shares[0])
    rest = percent(shares[1]) if math.isfinite(shares[1]) else here
    return Text(
        f"“{code}” in {here.en} of the births, elsewhere in {rest.en}",
        f"« {code} » dans {here.fr} des accouchements, ailleurs dans {rest.fr}",
    )


def values_there(inside: float, outside: float, likely: Unit | None) -> Text:
    """Compare medians, and name the unit those months seem to be in."""
    here, rest = written(inside, 2), written(outside, 2) if math.isfinite(outside) else Text("–", "–")
    unit = Text("", "")
    if likely is not None:
        unit = Text(f", which looks like {likely.label.en}", f", ce qui ressemble à {likely.label.fr}")
    return Text(
        f"a median of {here.en}{unit.en}, elsewhere {rest.en}",
        f"une médiane de {here.fr}{unit.fr}, ailleurs {rest.fr}",
    )


def outcome_there(shares: tuple[float, float]) -> Text:
    """Compare incidences."""
    here, rest = percent(shares[0]), percent(shares[1])
    return Text(
        f"an incidence of {here.en}, elsewhere {rest.en}", f"une incidence de {here.fr}, ailleurs {rest.fr}"
    )


def shifted(known: Mapped, column: str, months: Sequence[str], more: int, what: Text) -> Problem:
    """Name the months that do not fit the others."""
    listed = Text(", ".join(months), ", ".join(months))
    if more:
        listed = Text(f"{listed.en} and {more} more months", f"{listed.fr} et {more} autres mois")
    return _about(
        "shifted_month",
        known,
        column,
        f"{listed.en} does not fit the other months: {what.en}. Something changed in how it was recorded: "
        "correct the export, or leave out those months or this column.",
        f"{listed.fr} ne correspond pas aux autres mois : {what.fr}. Le recueil a changé : corrigez "
        "l’export, ou écartez ces mois ou cette colonne.",
    )


def too_short(known: Mapped, column: str, days: int) -> Problem:
    """Say that the period is too short to be parted."""
    return _about(
        "too_short",
        known,
        column,
        f"the births span {days} days. Half a year is needed at least, so that later births can judge what "
        "was learned from earlier ones. Export a longer period, or check the column.",
        f"les accouchements couvrent {days} jours. Il faut au moins six mois, pour juger sur les plus "
        "récents ce "
        "qui a été appris sur les plus anciens. Exportez une période plus longue, ou vérifiez la colonne.",
    )


def cannot_be_parted(events: int) -> Problem:
    """Say that earlier or later births are lacking."""
    return Problem(
        "cannot_be_parted",
        Text(
            f"Only {events} severe haemorrhages lie in the earlier three quarters of the period, or no "
            "birth is left to judge by in the last one. Export a longer period.",
            f"Seulement {events} hémorragies sévères se trouvent dans les trois premiers quarts de la "
            "période, ou "
            "aucun accouchement ne reste pour juger dans le dernier. Exportez une période plus longue.",
        ),
    )

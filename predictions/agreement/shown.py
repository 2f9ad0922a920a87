"""A report as one person may see it: people pooled, where enough are in it; by name for oneself and leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clinic.accounts.models import User
from ml.contracts import Text
from predictions import access as studies
from predictions import first_read
from predictions.agreement import access, words
from predictions.agreement.models import Disagreement, Report

LEAST_STUDIES = 10
LEAST_PEOPLE = 3
FEW_STUDIES = Text(
    f"Fewer than {LEAST_STUDIES} studies: too few for a figure.",
    f"Moins de {LEAST_STUDIES} études : trop peu pour un chiffre.",
)
FEW_PEOPLE = Text(
    f"Fewer than {LEAST_PEOPLE} people: the figure would rate one of them. The leads of the unit see it.",
    f"Moins de {LEAST_PEOPLE} personnes : le chiffre noterait l’une d’elles. Les responsables du service le "
    "voient.",
)
TOLD_APART = Text(
    f"Held beside a report already given, this would tell of fewer than {LEAST_STUDIES} studies or "
    f"{LEAST_PEOPLE} people. Ask for the same months and version as that report, or again when more has been "
    "done. The leads of the unit see it.",
    f"Rapproché d’un rapport déjà remis, ce chiffre porterait sur moins de {LEAST_STUDIES} études ou de "
    f"{LEAST_PEOPLE} personnes. Demandez les mêmes mois et la même version que ce rapport, ou redemandez "
    "plus tard. Les responsables du service le voient.",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of what both sides said."""

    label: Text
    cells: tuple[dict[str, Any], ...]
    total: int


@dataclass(frozen=True, slots=True)
class Named:
    """The figures of one person, or of two who are compared."""

    people: str
    found: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PartShown:
    """One comparison.

    Parameters
    ----------
    withheld
        Why nothing is shown of it; ``None`` where it is.
    own
        Whether ``named`` holds the reader's own figures alone.
    """

    code: str
    title: Text
    note: Text
    sides: tuple[Text, Text]
    found: Mapping[str, Any]
    withheld: Text | None
    columns: tuple[Text, ...]
    rows: tuple[Row, ...]
    shares: tuple[tuple[Text, Mapping[str, Any]], ...]
    left_out: tuple[tuple[int, Text], ...]
    no_interval: Text | None
    named: tuple[Named, ...]
    own: bool


def of(user: User, report: Report) -> list[PartShown]:
    """Return the parts of a counted report; what would rate somebody is withheld from others."""
    leads = access.leads(user, report.unit)
    labels = _labels(report)
    return [_part(user, found, leads, labels) for found in report.figures or ()]


def strongest(user: User, report: Report) -> tuple[list[Disagreement], int]:
    """Return the studies where the sides differ most that ``user`` may open, and how many more there are.

    Nothing of an answer that must not reach ``user`` yet.
    """
    listed = list(report.strongest.select_related("study"))
    may_open = set(
        studies.for_user(user).filter(pk__in=[one.study_id for one in listed]).values_list("pk", flat=True)
    )
    may_open -= first_read.hidden(user, [one.study for one in listed])
    shown = [one for one in listed if one.study_id in may_open]
    return shown, len(listed) - len(shown)


def _part(user: User, found: Mapping[str, Any], leads: bool, labels: Mapping[int, str]) -> PartShown:
    code = found["code"]
    withheld = _withheld(found, leads)
    own = not leads
    named = tuple(
        Named(" – ".join(labels.get(person, "?") for person in one["who"]), one)
        for one in found["named"]
        if leads or user.pk in one["who"]
    )
    columns = tuple(words.answer(column) for column in found["columns"])
    square = found["rows"] == found["columns"]
    return PartShown(
        code=code,
        title=words.TITLES[code],
        note=words.note(code, pairs="pairs" in found),
        sides=words.SIDES[code],
        found=found,
        withheld=withheld,
        columns=columns,
        rows=() if withheld else tuple(_rows(found, square=square)),
        shares=()
        if withheld
        else tuple((words.share(one["name"]), one) for one in found["shares"] if one["n"]),
        left_out=()
        if withheld
        else tuple((n, words.left_out(why, n)) for why, n in found["left_out"].items()),
        no_interval=words.NO_INTERVAL.get(found.get("no_interval", "")),
        named=named,
        own=own,
    )


def _withheld(found: Mapping[str, Any], leads: bool) -> Text | None:
    return None if leads or not found["studies"] else too_few(found)


def too_few(found: Mapping[str, Any]) -> Text | None:
    """Return why figures are not for everybody, ``None`` where they are.

    Parameters
    ----------
    found
        A part as a report keeps it, of which ``studies``, ``people`` and ``told_apart`` count.
    """
    if found["studies"] < LEAST_STUDIES:
        return FEW_STUDIES
    if 0 < found["people"] < LEAST_PEOPLE:
        return FEW_PEOPLE
    return TOLD_APART if found.get("told_apart") else None


def _rows(found: Mapping[str, Any], *, square: bool) -> list[Row]:
    most = max((sum(row) for row in found["table"]), default=0) or 1
    return [
        Row(
            words.answer(code),
            tuple(
                {"count": n, "same": square and i == j, "tint": _tint(n, sum(row) or most)}
                for j, n in enumerate(row)
            ),
            sum(row),
        )
        for i, (code, row) in enumerate(zip(found["rows"], found["table"], strict=True))
    ]


def _tint(count: int, of: int) -> int:
    """Return how dark a cell is drawn, 0 to 4; the number in it says the same."""
    return min(4, round(4 * count / of))


def _labels(report: Report) -> dict[int, str]:
    ids = {person for part in report.figures or () for one in part["named"] for person in one["who"]}
    return {user.pk: user.label for user in User.objects.filter(pk__in=ids)}

"""The report that a reader writes beside the answer: saved as it is typed, signed with the result.

Everybody writes a text of their own, so no save ever replaces a colleague's; whoever wants the text of a
colleague takes it over. Each save is a new row, and so nothing typed is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import LANGUAGES, Contract, Field, Problem, Refused, Text
from predictions import access, first_read, selectors
from predictions.models import Impression, ReadingReport, Signature, Study
from predictions.states import State

LONGEST = 4000
COMPARISON = "comparison"

COMPARED = Text("Compared with the image of {date}.", "Comparaison avec le cliché du {date}.")
COMPARED_UNDATED = Text(
    "Compared with the image sent on {date}, whose file does not say when it was taken.",
    "Comparaison avec le cliché envoyé le {date}, dont le fichier n’indique pas la date de réalisation.",
)
NOT_WRITTEN = Problem(
    "report_not_open",
    Text(
        "No report is written for this study now: it has no result yet, or it is signed. A signed one has to "
        "be amended first.",
        "Aucun compte rendu ne s’écrit pour cette étude : elle n’a pas encore de résultat, ou elle est "
        "signée. Si elle est signée, rectifiez-la d’abord.",
    ),
)
TOO_LONG = Text(
    f"“{{label}}” is longer than {LONGEST} characters. Shorten it.",
    f"« {{label}} » dépasse {LONGEST} caractères. Abrégez-le.",
)
UNKNOWN_FIELD = Text(
    "“{label}” is not a part of this report.", "« {label} » ne fait pas partie de ce compte rendu."
)
NO_SUCH_LANGUAGE = Problem(
    "report_language",
    Text("Choose French or English for the report.", "Choisissez le français ou l’anglais."),
    field="language",
)
REQUIRED = Text(
    "Write “{label}” before you sign: it is what whoever asked reads first.",
    "Rédigez « {label} » avant de signer : c’est ce que le demandeur lit en premier.",
)
OTHER_WINDOW = Problem(
    "report_saved_elsewhere",
    Text(
        "You saved another text of this report in another window. This one is not saved: choose what stays "
        "at each part where they differ, then save.",
        "Vous avez enregistré un autre texte de ce compte rendu dans une autre fenêtre. Celui-ci n’est pas "
        "enregistré : choisissez ce qui reste à chaque rubrique où ils diffèrent, puis enregistrez.",
    ),
)
OTHER_PERSON = Problem(
    "other_person",
    Text(
        "Somebody else typed this report before you logged in here. It is not saved under your name.",
        "Une autre personne a saisi ce compte rendu avant que vous ne vous connectiez ici. Il n’est pas "
        "enregistré à votre nom.",
    ),
)
COLLEAGUE_WROTE = Problem(
    "colleague_wrote",
    Text(
        "A colleague saved a report of this study in the meantime. Read it below, then sign again.",
        "Un collègue a enregistré entre-temps un compte rendu de cette étude. Lisez-le ci-dessous, puis "
        "signez de nouveau.",
    ),
)


@dataclass(frozen=True, slots=True)
class Day:
    """When an image was taken, or sent where its file does not say.

    Parameters
    ----------
    in_file
        Whether the file says that it was taken on ``date``.
    """

    date: date
    in_file: bool


@dataclass(frozen=True, slots=True)
class Working:
    """The text somebody goes on writing.

    Parameters
    ----------
    fields
        Text by name of field, for every part of the contract.
    number
        Number of the author's latest save, which the next save has to know of; 0 before the first.
    saved_at
        When it was saved, ``None`` for a text that begins (empty, or as signed before an amendment).
    """

    fields: Mapping[str, str]
    language: str
    number: int
    saved_at: datetime | None


def working(user: User, study: Study, language: str) -> Working:
    """Return what ``user`` goes on writing; after an amendment it begins with what was signed.

    Parameters
    ----------
    language
        Of a report that begins.
    """
    own = latest(user, study)
    # What a colleague signed is not laid before a reader who still has to say what they see themselves.
    text = own if first_read.needed(user, study) else _standing(own, study)
    number = own.number if own else 0
    if text is None:
        return Working(complete(study.contract, {}), language, number, None)
    saved_at = text.saved_at if text == own else None
    return Working(complete(study.contract, text.fields), text.language, number, saved_at)


def latest(user: User, study: Study) -> ReadingReport | None:
    """Return the latest save of ``user``."""
    return study.reading_reports.filter(author=user).order_by("number").last()


def current(study: Study) -> dict[str, str]:
    """Return the latest text saved by anybody, by name of field; for eyes that may see the answer."""
    report = study.reading_reports.last()
    return complete(study.contract, report.fields if report else {})


def colleagues(user: User, study: Study) -> list[ReadingReport]:
    """Return the latest text of everybody else, newest first; none to whoever still reads blind.

    A colleague who has seen the answer may have written it down.
    """
    if first_read.needed(user, study):
        return []
    found: dict[int, ReadingReport] = {}
    for report in study.reading_reports.exclude(author=user).select_related("author"):
        found[report.author_id] = report
    return sorted(found.values(), key=lambda report: report.saved_at, reverse=True)


def save(
    *, user: User, study: Study, values: Mapping[str, str], language: str, seen: int | None = None
) -> ReadingReport | None:
    """Keep a text as the next version; one that says nothing new makes none.

    Parameters
    ----------
    values
        Text by name of field; parts left out are empty.
    seen
        Number of the save that the text was typed over: another window of the same person may have saved
        since. ``None`` to save without that question.

    Returns
    -------
    ReadingReport or None
        The latest version; ``None`` while nothing was ever written.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When the author does not care for patients in the study's unit; recorded.
    ml.contracts.Refused
        With everything that is wrong, or when another window saved another text.
    """
    if not access.may_review(user, study):
        _record(Action.REFUSED, user, study, 0)
        raise PermissionDenied
    _require_sound(study, values, language)
    fields = complete(study.contract, values)
    before = latest(user, study)
    number = before.number if before else 0
    if before is None and not any(fields.values()):
        return None
    if before and (complete(study.contract, before.fields), before.language) == (fields, language):
        return before
    if seen is not None and other_window(user, study, fields, seen):
        raise Refused(OTHER_WINDOW)
    report = ReadingReport(
        study=study, author=user, number=number + 1, fields=fields, language=language, saved_at=timezone.now()
    )
    try:
        with transaction.atomic():
            report.save(force_insert=True)
            _record(Action.UPDATE, user, study, report.number)
    except IntegrityError as error:
        # Two saves at once: as a page goes and comes back, both may hold the same text.
        kept = latest(user, study)
        if (complete(study.contract, kept.fields), kept.language) != (fields, language):
            raise Refused(OTHER_WINDOW) from error
        return kept
    return report


def other_window(user: User, study: Study, values: Mapping[str, str], seen: int) -> ReadingReport | None:
    """Return what another window of ``user`` saved since, where it says something else than ``values``.

    Parameters
    ----------
    seen
        Number of the save that ``values`` were typed over, 0 for none.
    """
    saved = latest(user, study)
    if saved is None or saved.number == seen or not differing(saved, values):
        return None
    return saved


def differing(saved: ReadingReport, values: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of ``saved`` that say something else than ``values``."""
    contract = saved.study.contract
    written, now = complete(contract, saved.fields), complete(contract, values)
    return {name: text for name, text in written.items() if text != now[name]}


def merged(
    saved: ReadingReport, values: Mapping[str, str], choices: Mapping[str, str]
) -> dict[str, str] | None:
    """Return one text of two, part by part as its author chose; doing so again changes nothing.

    Parameters
    ----------
    choices
        By name of field: "mine", "theirs" or "both".

    Returns
    -------
    dict of str to str or None
        ``None`` while a part that differs is not decided.
    """
    mine = complete(saved.study.contract, values)
    for name, theirs in differing(saved, values).items():
        match choices.get(name):
            case "theirs":
                mine[name] = theirs
            case "both":
                mine[name] = mine[name] if theirs in mine[name] else f"{theirs}\n{mine[name]}".strip()
            case "mine":
                continue
            case _:
                return None
    return mine


def to_sign(user: User, study: Study) -> ReadingReport | None:
    """Return the text that a signature of ``user`` stands for.

    Returns
    -------
    ReadingReport or None
        ``None`` where no report is written for this kind of study.

    Raises
    ------
    ml.contracts.Refused
        When a part that must be written is empty.
    """
    if not study.contract.reading:
        return None
    report = _standing(latest(user, study), study)
    written = complete(study.contract, report.fields if report else {})
    missing = [field for field in study.contract.reading if field.required and not written[field.name]]
    if missing:
        raise Refused(*(_problem("report_missing", REQUIRED, field) for field in missing))
    return report


def require_known(user: User, study: Study, known: str) -> None:
    """Raise :class:`ml.contracts.Refused` when a colleague saved a text that was not on the screen.

    Parameters
    ----------
    known
        Id of the latest text of a colleague that was shown, empty for none.
    """
    others = colleagues(user, study)
    if others and str(others[0].pk) != known:
        raise Refused(COLLEAGUE_WROTE)


def of(signature: Signature) -> list[tuple[Text, str]]:
    """Return what was signed: label and text of every part that was written, in the contract's order."""
    return parts(signature.reading) if signature.reading else []


def parts(report: ReadingReport) -> list[tuple[Text, str]]:
    """Return label and text of every part of ``report`` that says something."""
    written = report.fields
    fields = report.study.contract.reading
    return [(field.label, written[field.name]) for field in fields if written.get(field.name)]


def colleague_text(user: User, study: Study, report_id: UUID) -> ReadingReport | None:
    """Return a text of a colleague that ``user`` may take over."""
    return next((report for report in colleagues(user, study) if report.pk == report_id), None)


def phrase(field: Field, language: str, prior: Day | None = None) -> str:
    """Return what to write where nothing was found; a comparison names the earlier image there is.

    Parameters
    ----------
    prior
        Day of the latest earlier image of the patient.
    """
    if field.name == COMPARISON and prior is not None:
        day = prior.date.strftime("%d/%m/%Y" if language == "fr" else "%Y-%m-%d")
        return (COMPARED if prior.in_file else COMPARED_UNDATED).format(date=day).to(language)
    return field.normal.to(language) if field.normal else ""


def may_fill_all(user: User, study: Study) -> bool:
    """Return whether all empty parts may be filled as normal at once: only by whoever saw a normal image."""
    read = first_read.of(user, study)
    return read is not None and read.impression == Impression.NORMAL


def prior(user: User, study: Study) -> Study | None:
    """Return the latest study of the same kind and patient that was taken before this one."""
    return next(iter(selectors.earlier_taken(user, study)), None)


def taken_on(study: Study) -> Day:
    """Return the day an image was taken as its file says, else the day it was sent."""
    day = selectors.taken(study)[0][: len("2026-11-21")]
    return Day(date.fromisoformat(day), bool(selectors.taken_at(study)))


def complete(contract: Contract, values: Mapping[str, str]) -> dict[str, str]:
    """Return a text for every part of the contract, as it is stored."""
    return {field.name: _plain(values.get(field.name, "")) for field in contract.reading}


def _standing(own: ReadingReport | None, study: Study) -> ReadingReport | None:
    """Return the text that stands: the own one, unless it is from before an amendment of what was signed."""
    signature = study.signatures.select_related("reading").last()
    amendment = getattr(signature, "amendment", None)
    if amendment is None or (own is not None and own.saved_at > amendment.opened_at):
        return own
    return signature.reading


def _require_sound(study: Study, values: Mapping[str, str], language: str) -> None:
    known = {field.name: field for field in study.contract.reading}
    problems = [] if known and study.state == State.READY else [NOT_WRITTEN]
    problems += [
        Problem("unknown_field", UNKNOWN_FIELD.format(label=name[:40]), field=name[:40])
        for name in values
        if name not in known
    ]
    problems += [
        _problem("report_too_long", TOO_LONG, known[name])
        for name, text in values.items()
        if name in known and len(text) > LONGEST
    ]
    problems += [] if language in LANGUAGES else [NO_SUCH_LANGUAGE]
    if problems:
        raise Refused(*problems)


def _problem(code: str, text: Text, field: Field) -> Problem:
    said = Text(text.en.format(label=field.label.en), text.fr.format(label=field.label.fr))
    return Problem(code, said, field=field.name)


def _plain(text: str) -> str:
    """Return ``text`` without what PostgreSQL cannot store, and with the line ends of one system."""
    return text.replace("\x00", "").replace("\r\n", "\n").strip()


def _record(action: Action, user: User, study: Study, number: int) -> None:
    record(
        action,
        actor=user,
        patient=study.patient_id,
        study=study.pk,
        kind="reading",
        detail={"number": number} if number else {},
    )

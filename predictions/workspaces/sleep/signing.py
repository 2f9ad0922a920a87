"""Which hypnogram a signature stands for: the signer's own scoring, one that they choose, or the draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Max

from clinic.accounts.models import User
from ml.contracts import Problem, Refused, Text
from predictions import first_read
from predictions.models import Origin, Prediction, ReportedHypnogram, Scoring, ScoringEvent, Study
from predictions.outputs import dates
from predictions.states import State
from predictions.workspaces.sleep import comparing, events, scoring
from predictions.workspaces.sleep.scoring import Hypnogram

SIGNED = "signed"

CHOOSE = Problem(
    "hypnogram_choice",
    Text(
        "Several scorings of this night could be reported. Choose whose counts, then sign.",
        "Plusieurs scorages de cette nuit peuvent être retenus. Choisissez lequel fait foi, puis signez.",
    ),
    field="hypnogram",
)
IN_PROGRESS = Problem(
    "hypnogram_in_progress",
    Text(
        "This night is still open in the scoring room: {who}. Ask them to close it, or choose the draft "
        "or a finished scoring to sign: theirs then ends unfinished.",
        "Cette nuit est encore ouverte dans la salle de scorage : {who}. Demandez sa clôture, ou choisissez "
        "de signer le brouillon ou un scorage terminé : l’autre restera alors inachevé.",
    ),
    field="hypnogram",
)
AT_IT = Text("{name}, nothing scored since {at}", "{name}, plus rien scoré depuis le {at}")
NOT_FINISHED = Problem(
    "hypnogram_not_finished",
    Text(
        "The scoring that you chose is not finished. Choose the draft or a finished scoring, or wait until "
        "its scorer closes it.",
        "Le scorage que vous avez choisi n’est pas terminé. Choisissez le brouillon ou un scorage terminé, "
        "ou attendez que son scoreur le close.",
    ),
    field="hypnogram",
)
NOT_SCORED = Problem(
    "hypnogram_not_scored",
    Text(
        "A silent evaluation is going on: there is no draft to sign. Score the night in the scoring room, "
        "then sign your scoring.",
        "Une évaluation silencieuse est en cours : il n’y a pas de brouillon à signer. Scorez la nuit dans "
        "la salle de scorage, puis signez votre scorage.",
    ),
    field="hypnogram",
)
UNKNOWN = Problem(
    "hypnogram_choice",
    Text(
        "This night has no hypnogram of that name. Choose the draft, what was signed before or a finished "
        "scoring, then sign.",
        "Cette nuit n’a pas d’hypnogramme de ce nom. Choisissez le brouillon, ce qui avait été signé ou un "
        "scorage terminé, puis signez.",
    ),
    field="hypnogram",
)
CHANGED = Problem(
    "hypnogram_changed",
    Text(
        "The hypnogram that you chose changed since it was shown to you. Look at it again, then sign.",
        "L’hypnogramme que vous avez choisi a changé depuis son affichage. Vérifiez-le, puis signez.",
    ),
    field="hypnogram",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A hypnogram that could be reported.

    Parameters
    ----------
    value
        What the signer sends to choose it: it names what stands in it, so that a later change is noticed.
    chosen
        Whether it is signed unless the signer chooses.
    only
        Whether there is nothing to choose from.
    """

    value: str
    hypnogram: Hypnogram
    chosen: bool
    only: bool = False

    @property
    def signed_before(self) -> bool:
        """Whether it is what the version before an amendment reported."""
        return self.value == SIGNED

    @property
    def finished(self) -> bool:
        """Whether whoever scored it closed it."""
        return self.hypnogram.scoring is None or self.hypnogram.scoring.finished


def candidates(user: User, study: Study) -> list[Candidate]:
    """Return the hypnograms that ``user`` may sign, the one that would be signed without a choice marked."""
    found = _by_value(user, study)
    default, _why = _default(user, study, found)
    # While somebody is at work even a draft alone has to be chosen: they are ended unfinished by it.
    only = len(found) == 1 and bool(default)
    return [Candidate(value, hypnogram, value == default, only) for value, hypnogram in found.items()]


def require_choice(user: User, study: Study, chosen: str = "") -> None:
    """Raise :class:`ml.contracts.Refused` as :func:`fix` would, with nothing done yet."""
    if study.algorithm == scoring.ALGORITHM and study.state == State.READY and study.prediction is not None:
        _choice(user, study, chosen)


def fix(user: User, study: Study, prediction: Prediction, chosen: str = "") -> ReportedHypnogram | None:
    """Store the hypnogram that a signature stands for, and end every scoring; in its transaction.

    Parameters
    ----------
    prediction
        What is signed; the draft's agreement is measured with it.
    chosen
        The value of a candidate, or a name: ``"draft"``, ``"signed"``, the id of a scoring. Empty for the
        signer's own scoring unless it was begun beside a colleague's finished one, else the only finished
        one, else what stood signed before, else the draft.

    Returns
    -------
    ReportedHypnogram or None
        ``None`` for anything else than a night.

    Raises
    ------
    ml.contracts.Refused
        When there are several to choose from, somebody is still scoring, the choice is none of the
        candidates or not finished, or it changed since it was shown.
    """
    if study.algorithm != scoring.ALGORITHM:
        return None
    hypnogram = _choice(user, study, chosen)
    made = hypnogram.scoring
    ours = made is not None and made.version == scoring.version(study)
    if ours and made.closed_at is None:
        events.close_by_signing(made)
    events.end_all(study)
    return ReportedHypnogram.objects.create(
        prediction=hypnogram.prediction,
        scoring=made,
        number=made.number if ours else hypnogram.number,
        content=hypnogram.night.as_json() | {"statistics": hypnogram.statistics},
        agreement=agreement(prediction, hypnogram),
    )


def content(reported: ReportedHypnogram | None) -> dict[str, Any] | None:
    """Return what the hash of a signature covers of its hypnogram."""
    if reported is None:
        return None
    made = reported.scoring
    scored = {"id": str(made.pk), "scorer": made.scorer_id, "number": reported.number} if made else None
    return reported.content | {"prediction": str(reported.prediction_id), "scoring": scored}


def agreement(prediction: Prediction, hypnogram: Hypnogram) -> Mapping[str, Any] | None:
    """Return how well the draft agrees with what is signed; ``None`` where their grids differ."""
    try:
        return comparing.between(scoring.of_network(prediction), hypnogram)
    except Refused:
        return None


def _by_value(user: User, study: Study) -> dict[str, Hypnogram]:
    """Return the candidates by the value that names them: own, colleagues', signed before, draft."""
    made = scoring.scorings(study)
    mine = scoring.own(user, made)
    open_to_user = scoring.visible(user, study, made)
    found = {
        f"{one.pk}@{one.number}": scoring.scored(one) for one in [*([mine] if mine else []), *open_to_user]
    }
    last = study.signatures.select_related("hypnogram__scoring__scorer", "prediction").last()
    if last is not None:
        found[SIGNED] = scoring.of(last)
    drafted = scoring.draft(study.prediction)
    # Analysed again on another grid, the night that was scored is not the one that the report describes.
    same = {value: one for value, one in found.items() if len(one.stages) == len(drafted.stages)}
    # Nobody signs a draft that nobody was shown.
    return same if first_read.silent(study) else same | {scoring.DRAFT: drafted}


def _default(user: User, study: Study, found: Mapping[str, Hypnogram]) -> tuple[str, Problem | None]:
    """Return what is signed without a choice, or why there has to be one."""
    scored = {
        value: one for value, one in found.items() if one.scoring and value not in (SIGNED, scoring.DRAFT)
    }
    own = [value for value, one in scored.items() if one.scorer == user]
    if own and not (len(scored) > 1 and _beside(scored[own[0]].scoring)):
        return own[0], None
    if len(scored) > 1:
        return "", CHOOSE
    at_it = [one for one in scoring.scorings(study) if one.closed_at is None]
    if at_it:
        return "", _in_progress(at_it)
    found_else = (value for value in (SIGNED, scoring.DRAFT) if value in found)
    value = next(iter([*scored, *found_else]), "")
    return value, None if value else NOT_SCORED


def _in_progress(at_it: list[Scoring]) -> Problem:
    """Say who has the night open and since when they did nothing: a room that was left can be told so."""
    last = dict(
        ScoringEvent.objects.filter(scoring__in=at_it)
        .order_by()
        .values_list("scoring")
        .annotate(Max("received_at"))
    )

    def said(language: str) -> str:
        return (" ; " if language == "fr" else "; ").join(
            AT_IT.to(language).format(
                name=one.scorer.label, at=dates.moment(last.get(one.pk, one.started_at), language)
            )
            for one in at_it
        )

    sentence = IN_PROGRESS.message
    text = Text(sentence.en.format(who=said("en")), sentence.fr.format(who=said("fr")))
    return replace(IN_PROGRESS, message=text)


def _beside(made: Scoring) -> bool:
    """Whether a scoring was begun anew though a colleague's stood finished: it holds nothing of theirs."""
    return not made.blind and made.origin != Origin.SCORING


def _choice(user: User, study: Study, chosen: str) -> Hypnogram:
    found = _by_value(user, study)
    if chosen:
        return _chosen(study, found, chosen)
    value, why = _default(user, study, found)
    if why is not None:
        raise Refused(why)
    return found[value]


def _chosen(study: Study, found: Mapping[str, Hypnogram], chosen: str) -> Hypnogram:
    if chosen in found:
        return found[chosen]
    name, _at, number = chosen.partition("@")
    same = [one for value, one in found.items() if value.partition("@")[0] == name]
    if not same:
        open_yet = {str(one.pk) for one in scoring.scorings(study) if one.closed_at is None}
        raise Refused(NOT_FINISHED if name in open_yet else UNKNOWN)
    if number:
        raise Refused(CHANGED)
    return same[0]

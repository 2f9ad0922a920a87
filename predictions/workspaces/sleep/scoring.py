"""The hypnogram of a night: the draft of the network, what scorers made of it, and what was signed.

Scorings are made for one version of the report. Two people who score the same version work apart: neither
sees what the other did before both are done. What stands signed is open to all who may see the study.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from clinic.accounts.models import User
from predictions import access, first_read
from predictions.models import Kind, Origin, Prediction, Scoring, ScoringEvent, Signature, Study
from predictions.states import State
from predictions.workspaces.sleep import statistics
from predictions.workspaces.sleep.fold import FIELDS, Ledger, Night

ALGORITHM = "sleep"
UNSCORED = "?"
FOUND_BY_THE_NETWORK = ("review", "jury", "boosted", "opinion", "oxygen", "breathing", "quality")
DRAFT, SCORING = "draft", "scoring"


@dataclass(frozen=True)
class Hypnogram:
    """One hypnogram of a night, and where it comes from.

    Parameters
    ----------
    night
        Stages, lights, marks and comments.
    prediction
        Whose draft it began with.
    source
        ``"draft"`` as the network made it, ``"scoring"`` as a person left it.
    scorer, scoring
        Whose it is; ``None`` for a draft.
    number
        Of the last event it holds.
    kept
        Statistics as they were signed; computed where nothing is signed.
    """

    night: Night
    prediction: Prediction
    source: str = DRAFT
    scorer: User | None = None
    scoring: Scoring | None = None
    number: int = 0
    kept: Mapping[str, Any] | None = None

    @property
    def stages(self) -> tuple[str, ...]:
        """W, N1, N2, N3, R or ``"?"`` per 30 s epoch from the start of the recording."""
        return self.night.stages

    @property
    def lights_off(self) -> float | None:
        """Seconds from the start of the recording, ``None`` where not entered."""
        return self.night.lights_off

    @property
    def lights_on(self) -> float | None:
        """Seconds from the start of the recording, ``None`` where not entered."""
        return self.night.lights_on

    @property
    def arousals(self) -> tuple[dict[str, Any], ...]:
        """``id``, ``epoch``, ``onset_s``, ``duration_s`` (``None``: the whole epoch was marked)."""
        return self.night.arousals

    @property
    def artefacts(self) -> tuple[dict[str, Any], ...]:
        """The same of artefacts."""
        return self.night.artefacts

    @property
    def comments(self) -> tuple[dict[str, Any], ...]:
        """``id``, ``epoch`` and ``text``."""
        return self.night.comments

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """Those of the night between lights off and lights on."""
        return dict(self.kept) if self.kept else statistics.of(self.night, open_result(self.prediction))


def open_result(prediction: Prediction) -> Mapping[str, Any]:
    """Return the result of a night as far as readers may know of it now.

    Under a silent evaluation that is the recording alone before its signature: no stage, no probability, and
    nothing that was found in the signals.
    """
    return blank_result(prediction.result) if first_read.silent(prediction.study) else prediction.result


def blank_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result without anything that the algorithm says of the night."""
    epochs = len(result["stages"])
    blank = {name: value for name, value in result.items() if name not in FOUND_BY_THE_NETWORK}
    return blank | {"stages": [UNSCORED] * epochs, "probabilities": [None] * epochs, "uncertain": []}


def draft(prediction: Prediction) -> Hypnogram:
    """Return the hypnogram as the network made it, with the lights that the file itself names.

    Under a silent evaluation it is an empty night before its signature.
    """
    return _drafted(prediction, open_result(prediction))


def of_network(prediction: Prediction) -> Hypnogram:
    """Return the hypnogram as the network made it, whoever may see it: to measure with, not to show."""
    return _drafted(prediction, prediction.result)


def _drafted(prediction: Prediction, result: Mapping[str, Any]) -> Hypnogram:
    whole = Night(stages=tuple(result["stages"]))
    lit = replace(whole, lights_off=result.get("lights_off"), lights_on=result.get("lights_on"))
    # A file may say that lights went off after they came on; then it says nothing.
    return Hypnogram(lit if lit.in_order else whole, prediction)


def of(signature: Signature) -> Hypnogram:
    """Return the hypnogram that a signature stands for; of signatures from before scoring, the draft."""
    reported = signature.hypnogram
    if reported is None:
        return draft(signature.prediction)
    scoring = reported.scoring
    return Hypnogram(
        night=Night.from_json(reported.content),
        prediction=reported.prediction,
        source=SCORING if scoring else DRAFT,
        scorer=scoring.scorer if scoring else None,
        scoring=scoring,
        number=reported.number,
        kept=reported.content["statistics"],
    )


def scored(scoring: Scoring) -> Hypnogram:
    """Return the hypnogram as a scoring leaves it now."""
    return from_ledger(scoring, ledger(scoring))


def from_ledger(scoring: Scoring, events: Ledger) -> Hypnogram:
    """Return the same from events already read."""
    return Hypnogram(
        events.night(), scoring.prediction, SCORING, scoring.scorer, scoring, number=scoring.number
    )


def ledger(scoring: Scoring, until: int | None = None) -> Ledger:
    """Return what a scoring began with and its events, all or until one number."""
    events = scoring.events.all() if until is None else scoring.events.filter(number__lte=until)
    return Ledger(_base(scoring)).add_all(events.values_list(*FIELDS, named=True))


def _base(scoring: Scoring) -> Night:
    if scoring.origin == Origin.SCORING and scoring.source is not None:
        return ledger(scoring.source, scoring.source_number).night()
    if scoring.origin == Origin.SIGNED:
        return of(scoring.study.signatures.get(version=scoring.version - 1)).night
    if scoring.origin == Origin.BLANK:
        return _drafted(scoring.prediction, blank_result(scoring.prediction.result)).night
    return draft(scoring.prediction).night


def version(study: Study) -> int:
    """Return the version of the report that scorings are now made for, or were made for once it is signed."""
    signed = study.signatures.count()
    return signed if study.state == State.SIGNED else signed + 1


def scorings(study: Study) -> list[Scoring]:
    """Return the scorings made for the present version, in the order they began, without those withdrawn."""
    last = ScoringEvent.objects.filter(scoring=OuterRef("pk"), number=OuterRef("number"))
    standing = study.scorings.exclude(Exists(last.filter(kind=Kind.WITHDRAW)))
    return list(standing.filter(version=version(study)).select_related("scorer", "prediction", "source"))


def under_way(study: Study) -> tuple[str, ...]:
    """Return who is scoring the present version and has not closed it, each once."""
    open_yet = (scoring.scorer.label for scoring in scorings(study) if scoring.closed_at is None)
    return tuple(dict.fromkeys(open_yet))


def own(user: User, made: list[Scoring]) -> Scoring | None:
    """Return the scoring of ``user`` that is open, else their latest."""
    mine = [scoring for scoring in made if scoring.scorer_id == user.pk]
    return next((scoring for scoring in mine if scoring.closed_at is None), mine[-1] if mine else None)


def visible(user: User, study: Study, made: list[Scoring]) -> list[Scoring]:
    """Return the finished scorings of others that ``user`` may look at: nobody who is scoring apart may.

    A scorer sees them once their own is finished; whoever signs, without one of their own in the making;
    everybody once the version is signed.
    """
    others = [scoring for scoring in made if scoring.scorer_id != user.pk and scoring.finished]
    if study.state == State.SIGNED:
        return others
    mine = [scoring for scoring in made if scoring.scorer_id == user.pk]
    if any(scoring.closed_at is None and scoring.blind for scoring in mine):
        return []
    return others if mine or access.may_sign(user, study) else []


def current(study: Study, user: User | None = None) -> Hypnogram:
    """Return what would be reported now.

    Signed: what was signed. Else a finished scoring, the latest of several. Else what an amendment began
    with. Else the draft.

    Parameters
    ----------
    user
        For whose eyes: their own scoring, finished or not, goes before any other, and of others they meet
        only what is open to them. Without one, for a document of the unit, nothing while somebody is still
        scoring apart, who must not meet it there.
    """
    last = study.signatures.select_related("hypnogram__scoring__scorer", "prediction").last()
    if last is not None and study.state == State.SIGNED:
        return of(last)
    made = scorings(study)
    if user is not None and (mine := own(user, made)):
        return scored(mine)
    finished = visible(user, study, made) if user is not None else _for_everybody(made)
    if finished:
        return scored(max(finished, key=_closed_at))
    return of(last) if last is not None else draft(study.prediction)


def documented(study: Study, user: User) -> Hypnogram:
    """Return what a document of an unsigned night shows when ``user`` orders it.

    As :func:`current` for the whole unit, but nothing of a colleague for whoever could still score apart.
    """
    if may_meet(user, study):
        return current(study)
    last = study.signatures.select_related("hypnogram__scoring__scorer", "prediction").last()
    return of(last) if last is not None else draft(study.prediction)


def may_meet(user: User, study: Study) -> bool:
    """Return whether a document may show ``user`` what others scored, if anybody did.

    Not a scorer who is at work apart, nor one who neither began nor signs: theirs would be no scoring apart
    any more. Once two people finished there is a comparison, and nothing left to keep apart.
    """
    if study.state == State.SIGNED or not access.may_score(user, study):
        return True
    made = scorings(study)
    others = [scoring for scoring in made if scoring.scorer_id != user.pk]
    mine = [scoring for scoring in made if scoring.scorer_id == user.pk]
    if not others:
        return True
    if mine or access.may_sign(user, study):
        return not any(scoring.closed_at is None and scoring.blind for scoring in mine)
    return len({scoring.scorer_id for scoring in others if scoring.finished}) > 1


def _for_everybody(made: list[Scoring]) -> list[Scoring]:
    apart = any(scoring.closed_at is None and scoring.blind for scoring in made)
    return [] if apart else [scoring for scoring in made if scoring.finished]


def _closed_at(scoring: Scoring) -> datetime:
    return scoring.closed_at or timezone.now()


def beginning(study: Study) -> str:
    """Return what a scoring begins with unless its scorer chooses: the draft, or what was signed before.

    Never a colleague's work: to go on from that is a choice, and stays on the row.
    """
    if study.signatures.exists():
        return Origin.SIGNED
    return Origin.BLANK if first_read.silent(study) else Origin.DRAFT


def shown_to(user: User, study: Study, made: list[Scoring]) -> tuple[Hypnogram, Scoring | None]:
    """Return the hypnogram that ``user`` finds in the scoring room, and their scoring if it is one."""
    last = study.signatures.select_related("hypnogram__scoring__scorer", "prediction").last()
    if last is not None and study.state == State.SIGNED:
        return of(last), None
    if mine := own(user, made):
        return scored(mine), mine
    return (draft(study.prediction) if last is None else of(last)), None


def began_with(made: Scoring) -> User | None:
    """Return whose work a scoring began with; ``None`` for a draft, signed or not."""
    if made.origin == Origin.SCORING and made.source is not None:
        return made.source.scorer
    if made.origin == Origin.SIGNED:
        return of(made.study.signatures.get(version=made.version - 1)).scorer
    return None


def describe(made: list[Scoring]) -> list[dict[str, Any]]:
    """Return who scored the present version and how far they are."""
    return [
        {"id": str(scoring.pk), "scorer": scoring.scorer.label, "closed": scoring.finished}
        for scoring in made
    ]

"""Taking what a scorer does: a batch of events, kept once, in order, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused
from predictions import access, first_read
from predictions.models import Kind, Origin, Scoring, ScoringEvent, Study
from predictions.states import State
from predictions.workspaces.sleep import checking, refusals, scoring
from predictions.workspaces.sleep.fold import Ledger, Night
from predictions.workspaces.sleep.scoring import Hypnogram

PAUSE = timedelta(minutes=10)
"""A scorer who did nothing for so long comes back for another sitting."""
BY_SIGNING = "signature"
FROM_NOTHING = (Origin.DRAFT, Origin.BLANK)
"""What holds the work of no person."""
TURNS = (Kind.CLOSE, Kind.REOPEN, Kind.WITHDRAW)
LIGHTS = (Kind.LIGHTS_OFF, Kind.LIGHTS_ON)


@dataclass(slots=True)
class Taken:
    """What became of a batch.

    Parameters
    ----------
    kept
        Ids of the events that are stored, now or before.
    refused
        Id (``None`` where it has none) and problem of those that are not.
    merged
        Whether there may be more than the sender knows of: events of another window, or the work of a
        colleague that their scoring now begins with.
    """

    scoring: Scoring
    hypnogram: Hypnogram
    ledger: Ledger
    merged: bool
    kept: list[UUID]
    refused: list[tuple[str | None, Problem]]


def may_begin(user: User, study: Study) -> bool:
    """Return whether ``user`` could begin a scoring now: they score here, and have none open."""
    if study.state != State.READY or not access.may_score(user, study):
        return False
    return not study.scorings.filter(scorer=user, closed_at__isnull=True).exists()


def begin(*, user: User, study: Study, origin: str = "") -> Scoring:
    """Begin a scoring.

    Parameters
    ----------
    origin
        ``"draft"``, ``"signed"``, the id of a finished scoring that is open to ``user``, or empty for what
        the scoring room shows them.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When this person does not score in the study's unit; recorded.
    ml.contracts.Refused
        When there is nothing to score, a scoring is open already, or it cannot begin so.
    """
    _require(user, study)
    with transaction.atomic():
        locked = _locked(study)
        made = scoring.scorings(locked)
        if any(one.scorer_id == user.pk and one.closed_at is None for one in made):
            raise Refused(refusals.ALREADY_OPEN)
        return _begun(user, locked, made, origin)


def take(
    *,
    user: User,
    study: Study,
    sent: Any,
    scoring_id: UUID | None = None,
    base: int | None = None,
    window: str = "",
) -> Taken:
    """Keep a batch of events of one scorer, in the order sent, after everything kept before.

    What was kept before is known again by its id. An event that cannot be kept is refused by itself, with a
    sentence; the others stand. Without ``scoring_id`` the events go to the scorer's open scoring, which
    begins with them when there is none.

    Parameters
    ----------
    base
        Number of the last event that the sender knows of.
    window
        Of the browser: undo and redo prefer what was done in it.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When this person does not score in the study's unit; recorded.
    ml.contracts.Refused
        For the whole batch, nothing of it kept: one of ``refusals.STATE_REFUSALS``, another scorer's
        scoring, too many events.
    """
    _require(user, study)
    if not isinstance(sent, list) or not 1 <= len(sent) <= refusals.MOST_EVENTS:
        raise Refused(refusals.TOO_MANY)
    with transaction.atomic():
        locked = _locked(study, signed_too=True)
        target = _of_known(user, study, sent)
        if target is None:
            target = _open(user, locked, scoring_id, sent)
        return _taken(user, target, sent, base, window)


def end_all(study: Study) -> None:
    """End the scorings that are open when their night is signed; call it in the signature's transaction."""
    study.scorings.filter(closed_at__isnull=True).update(closed_at=timezone.now(), unfinished=True)


def close_by_signing(made: Scoring) -> None:
    """Close the signer's own scoring with an event, as if they had closed it before."""
    now = timezone.now()
    event = ScoringEvent(
        scoring=made,
        number=made.number + 1,
        event=uuid4(),
        kind=Kind.CLOSE,
        window=BY_SIGNING,
        at=now,
        received_at=now,
    )
    event.save(force_insert=True)
    made.number, made.closed_at = event.number, now
    made.save(update_fields=["number", "closed_at"])


def _locked(study: Study, *, signed_too: bool = False) -> Study:
    """Return the study, locked against a signature or another window until the end of the transaction."""
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.algorithm != scoring.ALGORITHM or not locked.predictions.exists():
        raise Refused(refusals.NOT_A_NIGHT)
    if locked.state != State.READY and not (signed_too and locked.state == State.SIGNED):
        raise Refused(refusals.SIGNED if locked.state == State.SIGNED else refusals.NOT_A_NIGHT)
    return locked


def _of_known(user: User, study: Study, sent: Sequence[Any]) -> Scoring | None:
    """Return the scoring that holds every event of a batch already: an answer to it was lost."""
    try:
        ids = {checking.identity(one) for one in sent}
    except Refused:
        return None
    mine = ScoringEvent.objects.filter(scoring__study=study, scoring__scorer=user, event__in=ids)
    known = set(mine.values_list("scoring_id", "event"))
    holders = {holder for holder, _event in known}
    if len(holders) == 1 and {event for _holder, event in known} == ids:
        return Scoring.objects.select_related("prediction", "scorer", "source", "study").get(pk=holders.pop())
    return None


def _open(user: User, study: Study, scoring_id: UUID | None, sent: Sequence[Any]) -> Scoring:
    """Return the scoring that new events go to."""
    if study.state == State.SIGNED:
        raise Refused(refusals.SIGNED)
    made = scoring.scorings(study)
    if scoring_id is None:
        found = scoring.own(user, made)
        if found is None:
            return _begun(user, study, made, "")
    else:
        named = study.scorings.filter(pk=scoring_id, scorer=user)
        found = named.select_related("scorer", "prediction", "source", "study").first()
        if found is None:
            raise Refused(refusals.NOT_YOURS)
        if found.version != scoring.version(study):
            raise Refused(refusals.OF_ANOTHER_VERSION)
    if found.closed_at is not None and not _reopens(sent):
        raise Refused(refusals.CLOSED)
    return found


def _reopens(sent: Sequence[Any]) -> bool:
    return isinstance(sent[0], dict) and sent[0].get("kind") == Kind.REOPEN


def _begun(user: User, study: Study, made: list[Scoring], origin: str) -> Scoring:
    shown = scoring.visible(user, study, made)
    last = study.signatures.select_related("hypnogram__prediction", "prediction").last()
    mine = [one for one in made if one.scorer_id == user.pk and one.finished]
    wanted = origin or scoring.beginning(study)
    if wanted == Origin.DRAFT and first_read.silent(study):
        wanted = Origin.BLANK
    kind, source = _origin(wanted, [*shown, *mine])
    if kind == Origin.SIGNED and last is None:
        raise Refused(refusals.NO_SUCH_BEGINNING)
    prediction = study.prediction
    if source is not None:
        prediction = source.prediction
    elif kind == Origin.SIGNED:
        prediction = scoring.of(last).prediction
    begun = Scoring.objects.create(
        study=study,
        prediction=prediction,
        scorer=user,
        version=scoring.version(study),
        origin=kind,
        source=source,
        source_number=source.number if source else 0,
        blind=not shown and kind in FROM_NOTHING and not _saw_before(user, study),
        started_at=timezone.now(),
    )
    _record(user, study, Action.CREATE, begun, {"from": str(source.pk) if source else kind})
    return begun


def _saw_before(user: User, study: Study) -> bool:
    """Return whether a colleague's scoring was open to ``user`` in one of theirs, be it withdrawn since."""
    return study.scorings.filter(version=scoring.version(study), scorer=user, blind=False).exists()


def _origin(wanted: str, finished: list[Scoring]) -> tuple[str, Scoring | None]:
    if wanted in (*FROM_NOTHING, Origin.SIGNED):
        return wanted, None
    source = next((one for one in finished if str(one.pk) == wanted), None)
    if source is None:
        raise Refused(refusals.NO_SUCH_BEGINNING)
    return Origin.SCORING, source


def _taken(user: User, target: Scoring, sent: Sequence[Any], base: int | None, window: str) -> Taken:
    events = scoring.ledger(target)
    unknown = base is not None and base != target.number and not events.known.issuperset(_ids(sent))
    merged = unknown or (target.number == 0 and target.origin not in FROM_NOTHING)
    kept: list[UUID] = []
    refused: list[tuple[str | None, Problem]] = []
    new: list[ScoringEvent] = []
    before = {event.event: event for event in target.events.filter(event__in=_ids(sent) & events.known)}
    for one in sent:
        try:
            identity = checking.identity(one)
            if identity in before:
                checking.require_same(before[identity], one, len(events.base.stages))
            else:
                event = checking.read(one, len(events.base.stages), window)
                _fit(event, target, events, user)
                event.scoring, event.number = target, target.number + 1
                events.add(event)
                _follow(target, event)
                before[identity] = event
                new.append(event)
            kept.append(identity)
        except Refused as refusal:
            refused.append((_told(one), refusal.problems[0]))
    if new:
        _store(user, target, new)
    return Taken(target, scoring.from_ledger(target, events), events, merged, kept, refused)


def _store(user: User, target: Scoring, new: list[ScoringEvent]) -> None:
    """Write what is new; the audit has a line per sitting and one for closing, not one per key.

    Who did what when stands in the events, which nobody can change.
    """
    before = target.events.order_by("number").values_list("received_at", flat=True).last()
    ScoringEvent.objects.bulk_create(new)
    target.save(update_fields=["number", "closed_at", "unfinished"])
    turns = [str(event.kind) for event in new if event.kind in TURNS]
    if turns or before is None or new[0].received_at - before > PAUSE:
        detail = {"first": new[0].number, "last": new[-1].number} | ({"kinds": turns} if turns else {})
        _record(user, target.study, Action.UPDATE, target, detail)


def _fit(event: ScoringEvent, target: Scoring, events: Ledger, user: User) -> None:
    """Refuse an event that its scoring cannot take now; name what an undo or redo is of."""
    if event.kind == Kind.REOPEN:
        _require_reopening(target, user)
    elif target.closed_at is not None:
        raise Refused(refusals.CLOSED)
    if event.kind == Kind.UNDO:
        event.target = event.target or events.to_undo(event.window)
        if event.target not in events.acts or event.target in events.undone:
            raise checking.refusal("nothing_to_undo", refusals.NOTHING_TO_UNDO)
        if events.acts[event.target].kind in LIGHTS:
            _require_order(events.night(without=event.target))
    elif event.kind == Kind.REDO:
        event.target = event.target or events.to_redo(event.window)
        if event.target not in events.undone:
            raise checking.refusal("nothing_to_redo", refusals.NOTHING_TO_REDO)
        if events.acts[event.target].kind in LIGHTS:
            _require_order(events.night(again=event.target))
    elif event.kind in LIGHTS:
        _require_order(events.night(then=event))


def _require_order(night: Night) -> None:
    if not night.in_order:
        raise checking.refusal("lights_crossed", refusals.LIGHTS_CROSSED)


def _require_reopening(target: Scoring, user: User) -> None:
    if target.closed_at is None:
        raise checking.refusal("scoring_not_closed", refusals.NOT_CLOSED)
    made = scoring.scorings(target.study)
    another_open = any(one.scorer_id == user.pk and one.closed_at is None for one in made)
    if another_open:
        raise Refused(refusals.ALREADY_OPEN)
    if target.blind and any(one.blind for one in scoring.visible(user, target.study, made)):
        raise checking.refusal("scoring_compared", refusals.REOPEN_COMPARED)


def _follow(target: Scoring, event: ScoringEvent) -> None:
    """Bring the row of a scoring after its event."""
    target.number = event.number
    if event.kind in (Kind.CLOSE, Kind.WITHDRAW):
        target.closed_at, target.unfinished = event.received_at, event.kind == Kind.WITHDRAW
    elif event.kind == Kind.REOPEN:
        target.closed_at, target.unfinished = None, False


def _ids(sent: Sequence[Any]) -> set[UUID]:
    found = set()
    for one in sent:
        try:
            found.add(checking.identity(one))
        except Refused:
            continue
    return found


def _told(one: Any) -> str | None:
    """Return the id of a refused event as it was sent, for its sender to find it by."""
    identity = one.get("id") if isinstance(one, dict) else None
    return identity[: checking.LONGEST_WINDOW] if isinstance(identity, str) else None


def _require(user: User, study: Study) -> None:
    if not access.may_score(user, study):
        record(Action.REFUSED, actor=user, patient=study.patient_id, study=study.pk, kind="scoring")
        raise PermissionDenied


def _record(user: User, study: Study, action: Action, made: Scoring, detail: dict[str, Any]) -> None:
    record(
        action,
        actor=user,
        patient=study.patient_id,
        study=study.pk,
        kind="scoring",
        object_id=str(made.pk),
        detail=detail,
    )

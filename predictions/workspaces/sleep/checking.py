"""What a scorer's window sends, checked event by event: a sentence for each that cannot be kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.contracts import Problem, Refused, Text
from predictions.models import Kind, ScoringEvent

UNSCORED = "?"
VALUES = (*STAGES, UNSCORED)
ON_OFF = ("on", "off")
LONGEST_COMMENT = 2000
LONGEST_WINDOW = 36
SHOWN = 20
# What makes two events the same; the target last.
CONTENT = ("kind", "epoch", "seconds", "duration", "value", "text", "target")

NO_ID = Text(
    "This event has no id of its own. Give each event a UUID, so that it is kept once.",
    "Cet événement n’a pas d’identifiant. Donnez à chaque événement un UUID, pour qu’il ne soit enregistré "
    "qu’une fois.",
)
NO_KIND = Text(
    f"This event does not say what was done. Give its “kind”: one of {', '.join(Kind.values)}.",
    f"Cet événement ne dit pas ce qui a été fait. Indiquez son « kind » : {', '.join(Kind.values)}.",
)
UNKNOWN_KIND = Text(
    f"“{{kind}}” is nothing a scorer does. Known are {', '.join(Kind.values)}.",
    f"« {{kind}} » n’est pas une action de scorage. Sont connus : {', '.join(Kind.values)}.",
)
NO_EPOCH = Text(
    "This event names no epoch. Give “epoch”, a whole number from 0 to {last}.",
    "Cet événement ne désigne pas d’époque. Indiquez « epoch », un nombre entier de 0 à {last}.",
)
EPOCH_NOT_WHOLE = Text(
    "An epoch is named by a whole number from 0 to {last}, without quotes or decimals, not by {epoch}.",
    "Une époque se désigne par un nombre entier de 0 à {last}, sans guillemets ni décimales, et non par "
    "{epoch}.",
)
NO_SUCH_EPOCH = Text(
    "Epoch {epoch} is not in this night: it has epochs 0 to {last}.",
    "L’époque {epoch} ne fait pas partie de cette nuit, qui va de l’époque 0 à l’époque {last}.",
)
NO_STAGE = Text(
    f"This event names no stage. Give “value”: one of {', '.join(VALUES)}.",
    f"Cet événement n’indique pas de stade. Indiquez « value » : {', '.join(VALUES)}.",
)
UNKNOWN_STAGE = Text(
    f"“{{value}}” is no stage. Choose one of {', '.join(VALUES)}.",
    f"« {{value}} » n’est pas un stade. Choisissez parmi {', '.join(VALUES)}.",
)
NOT_ON_OFF = Text(
    "A mark is set with “on” and taken off with “off”, not with “{value}”.",
    "Une marque se pose avec « on » et s’enlève avec « off », pas avec « {value} ».",
)
NOT_SECONDS = Text(
    "A time is a number of seconds from the start of the recording, 0 to {end}, without quotes, not {value}.",
    "Un instant est un nombre de secondes depuis le début de l’enregistrement, de 0 à {end}, sans "
    "guillemets, et non {value}.",
)
OUTSIDE = Text(
    "{value} s is not inside the recording, which lasts {end} s.",
    "{value} s n’est pas dans l’enregistrement, qui dure {end} s.",
)
NO_LENGTH = Text(
    "Give the length of the mark, “duration_s”, as a number of seconds, more than 0 and ending within the "
    "recording.",
    "Indiquez la durée de la marque, « duration_s », en secondes : un nombre supérieur à 0, la fin restant "
    "dans l’enregistrement.",
)
COMMENT_TOO_LONG = Text(
    f"The comment is longer than {LONGEST_COMMENT} characters. Shorten it.",
    f"Le commentaire dépasse {LONGEST_COMMENT} caractères. Abrégez-le.",
)
NO_TEXT = Text(
    "A comment is given as “text”; an empty text takes it off.",
    "Un commentaire se donne dans « text » ; un texte vide l’enlève.",
)
ID_REUSED = Text(
    "An event of this id is kept already, with other content. It stays as it was; give what you do now an id "
    "of its own.",
    "Un événement portant cet identifiant est déjà enregistré, avec un autre contenu. Il reste tel quel ; "
    "donnez à la nouvelle action un identifiant propre.",
)
NO_TARGET = Text(
    "The event to undo or redo is named by its UUID.",
    "L’événement à annuler ou à rétablir se désigne par son UUID.",
)
NO_TIME = Text(
    "“{at}” is no date and time. Write it as 2026-01-05T22:14:03Z.",
    "« {at} » n’est pas une date avec heure. Écrivez-la sous la forme 2026-01-05T22:14:03Z.",
)


def read(sent: Any, epochs: int, window: str = "") -> ScoringEvent:
    """Return one event as it will be stored, without scoring or number.

    Parameters
    ----------
    sent
        As it came, unchecked.
    epochs
        Number of epochs of the night.

    Raises
    ------
    ml.contracts.Refused
        With the sentence that says what is wrong with it.
    """
    sent = sent if isinstance(sent, Mapping) else {}
    received = timezone.now()
    event = ScoringEvent(
        event=identity(sent),
        kind=_kind(sent.get("kind")),
        window=window[:LONGEST_WINDOW],
        at=_moment(sent.get("at"), received),
        received_at=received,
    )
    if event.kind in (Kind.STAGE, Kind.COMMENT, Kind.SEEN):
        event.epoch = _epoch(sent.get("epoch"), epochs)
    if event.kind == Kind.STAGE:
        event.value = _stage(sent.get("value"))
    elif event.kind == Kind.COMMENT:
        event.text = _text(sent.get("text"))
    elif event.kind in (Kind.AROUSAL, Kind.ARTEFACT):
        _mark(event, sent, epochs)
    elif event.kind in (Kind.LIGHTS_OFF, Kind.LIGHTS_ON):
        seconds = sent.get("seconds")
        event.seconds = None if seconds is None else _within(seconds, epochs)
    elif event.kind in (Kind.UNDO, Kind.REDO):
        event.target = _target(sent.get("target"))
    return event


def require_same(kept: ScoringEvent, sent: Any, epochs: int) -> None:
    """Raise :class:`ml.contracts.Refused` when what was sent is another act under the id of a kept one.

    An undo that did not say of what was told so when it was kept; its clock and window may differ.
    """
    try:
        again = read(sent, epochs)
    except Refused as error:
        raise refusal("event_id_reused", ID_REUSED) from error
    named = CONTENT if again.target is not None else CONTENT[:-1]
    if any(getattr(again, name) != getattr(kept, name) for name in named):
        raise refusal("event_id_reused", ID_REUSED)


def identity(sent: Any) -> UUID:
    """Return the scorer's own id of an event, or raise :class:`ml.contracts.Refused`."""
    found = _uuid(sent.get("id") if isinstance(sent, Mapping) else None)
    if found is None:
        raise refusal("event_id", NO_ID)
    return found


def refusal(code: str, text: Text, **words: object) -> Refused:
    """Return a refusal with its sentence filled in."""
    return Refused(Problem(code, text.format(**words)))


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _said(value: Any) -> str:
    """Return a value as it was sent, in JSON, for its sender to know it by: “5” in quotes is not 5."""
    return json.dumps(value, ensure_ascii=False)[:SHOWN]


def _kind(value: Any) -> str:
    if value is None:
        raise refusal("event_kind", NO_KIND)
    if value not in Kind.values:
        raise refusal("event_kind", UNKNOWN_KIND, kind=str(value)[:SHOWN])
    return value


def _moment(value: Any, received: datetime) -> datetime:
    if value is None:
        return received
    try:
        # A day alone would be read as its midnight.
        moment = parse_datetime(value) if isinstance(value, str) and ":" in value else None
        if moment is None:
            raise refusal("event_at", NO_TIME, at=str(value)[:SHOWN])
        # A clock far off the calendar's ends cannot be brought to another zone.
        moment = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
        return moment.astimezone(received.tzinfo)
    except (ValueError, OverflowError) as error:
        raise refusal("event_at", NO_TIME, at=str(value)[:SHOWN]) from error


def _epoch(value: Any, epochs: int) -> int:
    if value is None:
        raise refusal("event_epoch", NO_EPOCH, last=epochs - 1)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal("event_epoch", EPOCH_NOT_WHOLE, epoch=_said(value), last=epochs - 1)
    if not 0 <= value < epochs:
        raise refusal("event_epoch", NO_SUCH_EPOCH, epoch=str(value)[:SHOWN], last=epochs - 1)
    return value


def _stage(value: Any) -> str:
    if value is None:
        raise refusal("event_stage", NO_STAGE)
    if value not in VALUES:
        raise refusal("event_stage", UNKNOWN_STAGE, value=str(value)[:SHOWN])
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise refusal("event_text", NO_TEXT)
    # PostgreSQL cannot store a NUL, and half a character cannot be written out.
    plain = value.replace("\x00", "").encode("utf-8", "ignore").decode().strip()
    if len(plain) > LONGEST_COMMENT:
        raise refusal("event_text", COMMENT_TOO_LONG)
    return plain


def _target(value: Any) -> UUID | None:
    found = _uuid(value)
    if value is not None and found is None:
        raise refusal("event_target", NO_TARGET)
    return found


def _mark(event: ScoringEvent, sent: Mapping[str, Any], epochs: int) -> None:
    """Read a mark: of a whole epoch, or of a stretch."""
    event.value = sent.get("value", "on")
    if event.value not in ON_OFF:
        raise refusal("event_mark", NOT_ON_OFF, value=str(event.value)[:SHOWN])
    if sent.get("onset_s") is None:
        event.epoch = _epoch(sent.get("epoch"), epochs)
        return
    event.seconds = _within(sent["onset_s"], epochs)
    length = sent.get("duration_s")
    if not _number(length) or length <= 0 or event.seconds + length > epochs * EPOCH_SECONDS:
        raise refusal("event_duration", NO_LENGTH)
    event.duration = float(length)


def _within(value: Any, epochs: int) -> float:
    end = epochs * EPOCH_SECONDS
    if not _number(value):
        raise refusal("event_seconds", NOT_SECONDS, end=end, value=_said(value))
    if not 0 <= value <= end:
        raise refusal("event_seconds", OUTSIDE, end=end, value=_said(value))
    return float(value)


def _number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # A whole number of more digits than a float has room for.
        return False

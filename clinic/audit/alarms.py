"""What about the audit somebody has to see to: asked by pages, ``/health`` and monitoring, told people once.

The sealer looks for it, and so does the watch over lost jobs, which notices when it is the sealer that is
gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.audit import models
from clinic.audit.anchors.sending import unanchored
from clinic.audit.anchors.targets import configured
from clinic.audit.models import AnchorTarget, Event
from clinic.audit.standing import standing
from ml.contracts import Text

logger = logging.getLogger(__name__)
GRACE = timedelta(minutes=1)
FAILURES = 3
"""In a row before a target counts as failing: the third comes some six seconds after the first."""

Tell = Callable[[Text], None]
_tellers: list[Tell] = []


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to see to.

    Parameters
    ----------
    code
        ``"unsealed"``, ``"unanchored"``, ``"anchor_target"`` or ``"broken"``.
    text
        What is wrong and what to do; names no person and no patient.
    """

    code: str
    text: Text


UNSEALED = Alarm(
    "unsealed",
    Text(
        "Audit events are not sealed for more than a minute. Ask whoever runs this installation to start the "
        "sealer (manage.py seal_audit --follow).",
        "Des événements du journal ne sont pas scellés depuis plus d’une minute. Demandez à l’exploitant de "
        "démarrer le processus de scellement (manage.py seal_audit --follow).",
    ),
)
UNANCHORED = Alarm(
    "unanchored",
    Text(
        "The audit chain is not being anchored. Ask whoever runs this installation for the signing key and "
        "the sealer (manage.py audit_key, manage.py seal_audit --follow).",
        "La chaîne du journal n’est plus ancrée. Demandez à l’exploitant de vérifier la clé de signature et "
        "le processus de scellement (manage.py audit_key, manage.py seal_audit --follow).",
    ),
)
BROKEN = Alarm(
    "broken",
    Text(
        "A check of the audit found something that is not as it should be. Keep everything as it is and look "
        "at the audit page. Only a check of the whole chain that finds nothing ends this alarm.",
        "Une vérification du journal a révélé une anomalie. Ne modifiez rien et consultez la page Journal. "
        "Seule une vérification de toute la chaîne, sans anomalie, met fin à cette alerte.",
    ),
)
TARGET_FAILS = Text(
    "A place that keeps the anchors of the audit does not take them ({place}). They are sent when it answers "
    "again; until then nobody outside could show a change.",
    "Un des lieux qui conservent les ancres du journal ne les reçoit plus ({place}). Elles seront envoyées "
    "dès qu’il répondra ; d’ici là, personne à l’extérieur ne pourrait prouver une modification.",
)

# Every code there is, for whoever counts.
CODES = ("unsealed", "unanchored", "anchor_target", "broken")


def register(tell: Tell) -> None:
    """Tell people of each new alarm with ``tell``; called from ``AppConfig.ready``."""
    _tellers.append(tell)


def current() -> list[Alarm]:
    """Return what is wrong now."""
    return list(_found())


def watch() -> list[Alarm]:
    """Log what became wrong and what was mended since the last look, and tell people once of each."""
    now = current()
    unseen = {alarm.code: alarm for alarm in now}
    for row in models.Alarm.objects.filter(ended_at=None):
        if row.code not in unseen:
            models.Alarm.objects.filter(pk=row.pk, ended_at=None).update(ended_at=timezone.now())
            logger.info("an alarm of the audit is over", extra={"code": row.code})
        unseen.pop(row.code, None)
    for alarm in unseen.values():
        _raise(alarm)
    return now


def _raise(alarm: Alarm) -> None:
    try:
        with transaction.atomic():
            models.Alarm.objects.create(code=alarm.code, begun_at=timezone.now())
            for tell in _tellers:
                tell(alarm.text)
    except IntegrityError:  # another process saw it at the same moment
        return
    logger.error("the audit raised an alarm", extra={"code": alarm.code})


def _found() -> Iterator[Alarm]:
    now = timezone.now()
    if Event.objects.filter(waiting__isnull=False, at__lt=now - GRACE).exists():
        yield UNSEALED
    if unanchored() is not None:
        yield UNANCHORED
    names = [target.name for target in configured()]
    failing = AnchorTarget.objects.filter(name__in=names, failures__gte=FAILURES)
    if places := sorted(failing.values_list("name", flat=True)):
        yield Alarm("anchor_target", TARGET_FAILS.format(place=", ".join(places)))
    if standing().finding:
        yield BROKEN

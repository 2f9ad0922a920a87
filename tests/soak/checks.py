"""What must hold once a soak is over; everything that does not, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from clinic.audit import verify
from clinic.audit.models import Action, Event, Waiting
from clinic.audit.seal import seal_all
from predictions.models import Prediction, Study
from predictions.states import FINAL, State
from predictions.storage import storage
from predictions.sweep import named

ENDINGS = {State.READY: Action.PREDICT, State.REFUSED: Action.REFUSE_INPUT, State.FAILED: Action.FAIL}


def faults(accepted: Collection[str]) -> list[str]:
    """Return what was lost, doubled or left untold of the studies that were accepted.

    Parameters
    ----------
    accepted
        Ids that somebody was given as an answer.
    """
    found = {str(study.pk): study for study in Study.objects.filter(pk__in=accepted)}
    lost = [f"study {missing} was accepted and is gone" for missing in sorted(set(accepted) - found.keys())]
    told = [fault for study in found.values() for fault in _of_study(study)]
    return lost + told + _of_files() + _of_audit()


def _of_study(study: Study) -> list[str]:
    if study.state not in FINAL:
        return [f"study {study.pk} came to no end: {study.state}"]
    wrong = []
    predictions = Prediction.objects.filter(study=study).count()
    if predictions != (study.state == State.READY):
        wrong.append(f"study {study.pk} is {study.state} with {predictions} predictions")
    if study.state != State.READY and not study.problems:
        wrong.append(f"study {study.pk} is {study.state} and does not say why")
    recorded = Counter(Event.objects.filter(study=study.pk).values_list("action", flat=True))
    endings = {action: recorded[action] for action in ENDINGS.values() if recorded[action]}
    if recorded[Action.SUBMIT] != 1 or endings != {ENDINGS[State(study.state)]: 1}:
        wrong.append(f"study {study.pk} is {study.state}; the audit says {dict(recorded)}")
    return wrong


def _of_files() -> list[str]:
    """Every file that a row names is there, and is what was stored."""
    wrong = []
    for name in sorted(named()):
        try:
            storage.verify(name)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            wrong.append(f"file {name}: {type(error).__name__}")
    return wrong


def _of_audit() -> list[str]:
    seal_all()
    wrong = ["events are left unsealed"] if Waiting.objects.exists() else []
    return wrong + [f"audit: {fault.text}" for fault in verify.verify().faults]

"""What became of a birth: measured blood loss, written once, corrected by the next row.

It is the label of the assessments of its encounter. Once it is there, nothing is assessed any more: what is
known after the birth would tell the model the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import registry
from ml.contracts import Contract, Problem, Refused, Severity, Text
from patients.models import Encounter, Patient
from predictions import access
from predictions.models import BloodLoss, Study
from predictions.states import State

ALGORITHM = "haemorrhage"
LONGEST_REASON = 500

AFTER_BIRTH = Problem(
    "birth_is_over",
    Text(
        "The blood loss of this birth is recorded, so there is nothing left to predict: an assessment made "
        "now would know the answer. For another pregnancy, open a new encounter.",
        "Les pertes sanguines de cet accouchement sont enregistrées : il n’y a plus rien à prédire, une "
        "évaluation faite maintenant connaîtrait la réponse. Pour une autre grossesse, ouvrez une nouvelle "
        "venue.",
    ),
)
REASON_MISSING = Problem(
    "reason_missing",
    Text(
        "A blood loss is recorded already. Say why it has to be corrected; the former value stays visible.",
        "Des pertes sanguines sont déjà enregistrées. Indiquez pourquoi il faut les corriger ; l’ancienne "
        "valeur reste visible.",
    ),
    field="reason",
)
REASON_TOO_LONG = Problem(
    "reason_too_long",
    Text(
        f"The reason is longer than {LONGEST_REASON} characters.",
        f"Le motif dépasse {LONGEST_REASON} caractères.",
    ),
    field="reason",
)
CHANGED_MEANWHILE = Problem(
    "recorded_meanwhile",
    Text(
        "Somebody else recorded this blood loss a moment ago. Read it before you correct it.",
        "Quelqu’un d’autre vient d’enregistrer ces pertes sanguines. Lisez-les avant de les corriger.",
    ),
)
NO_STAY = Problem(
    "no_stay",
    Text(
        "No stay of hers is open in this unit: without one, the blood loss of the birth could not be "
        "recorded with this assessment. Open a stay first.",
        "Aucune venue n’est ouverte dans cette unité : sans elle, les pertes sanguines de l’accouchement ne "
        "pourraient pas être rattachées à cette évaluation. Ouvrez d’abord une venue.",
    ),
    field="encounter",
)
NOT_A_BIRTH = Problem(
    "not_a_birth",
    Text(
        "Blood loss is recorded on a stay in the unit where births are assessed.",
        "Les pertes sanguines se saisissent sur une venue dans l’unité où les accouchements sont évalués.",
    ),
)


def contract() -> Contract:
    """Return the contract of the assessments that blood loss answers."""
    return registry.contract(ALGORITHM)


def of(encounter: Encounter | None) -> list[BloodLoss]:
    """Return the rows of an encounter, the latest first; the first of them is what counts."""
    if encounter is None:
        return []
    return list(encounter.blood_losses.select_related("recorded_by").order_by("-number"))


def latest(encounter: Encounter | None) -> BloodLoss | None:
    """Return what counts, ``None`` before anything is recorded."""
    return next(iter(of(encounter)), None)


def latest_of(encounters: Iterable[UUID]) -> Mapping[UUID, BloodLoss]:
    """Return what counts of several encounters at once, by encounter."""
    rows = BloodLoss.objects.filter(encounter__in=set(encounters)).order_by("number")
    return {row.encounter_id: row for row in rows}


def birth_is_over(algorithm: Contract, patient: Patient, encounter: Encounter | None) -> bool:
    """Return whether an assessment would come after the outcome of its birth."""
    if algorithm.name != ALGORITHM:
        return False
    return latest(encounter or open_encounter(patient, algorithm)) is not None


def open_encounter(patient: Patient, algorithm: Contract) -> Encounter | None:
    """Return the stay that goes on in the unit of ``algorithm``, the latest when there are several."""
    return patient.encounters.filter(unit__code=algorithm.unit, ended_at=None).first()


def without_stay(algorithm: Contract, encounter: Encounter | None) -> bool:
    """Return whether an assessment of a birth belongs to no stay, where its outcome would be recorded."""
    return algorithm.name == ALGORITHM and encounter is None


def takes_blood_loss(encounter: Encounter) -> bool:
    """Return whether the encounter is one in which births are assessed."""
    return encounter.unit.code == contract().unit


def require_recorder(user: User, encounter: Encounter) -> None:
    """Raise ``PermissionDenied``, recorded, unless they record the blood loss there."""
    if not access.may_record_loss(user, encounter):
        _record(Action.REFUSED, user, encounter, {})
        raise PermissionDenied


def check(encounter: Encounter, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Return the typed measurement and everything wrong or unusual about it."""
    return registry.door(ALGORITHM, "blood_loss").check(values, admitted=_admitted(encounter))


def keep(
    *,
    user: User,
    encounter: Encounter,
    values: Mapping[str, Any],
    reason: str = "",
    confirmed: bool = False,
    after: int | None = None,
) -> BloodLoss:
    """Record the blood loss of a birth, or the correction of one.

    Parameters
    ----------
    values
        Raw ``millilitres``, ``method`` and ``measured_at``.
    reason
        Why the value before has to be corrected; needed once there is one.
    confirmed
        Whether unusual values were looked at again.
    after
        Number of the row that ``user`` had before the eyes, 0 for none; ``None`` does not say.

    Raises
    ------
    django.core.exceptions.PermissionDenied
        When ``user`` is no midwife or physician of the unit; recorded.
    ml.contracts.Refused
        With every reason; an unconfirmed question is among them with severity ``warn``.
    """
    require_recorder(user, encounter)
    typed, problems = check(encounter, values)
    stopping = [p for p in problems if p.severity is Severity.REFUSE or not confirmed]
    before = latest(encounter)
    number = before.number if before else 0
    reason = reason.replace("\x00", "").strip()
    if not takes_blood_loss(encounter):
        stopping.insert(0, NOT_A_BIRTH)
    if after is not None and after != number:
        stopping.insert(0, CHANGED_MEANWHILE)
    if before and not reason:
        stopping.append(REASON_MISSING)
    if len(reason) > LONGEST_REASON:
        stopping.append(REASON_TOO_LONG)
    if stopping:
        raise Refused(*stopping)
    row = BloodLoss(
        encounter=encounter,
        number=number + 1,
        recorded_by=user,
        recorded_at=timezone.now(),
        reason=reason if before else "",
        **typed,
    )
    return _write(row, before)


def _write(row: BloodLoss, before: BloodLoss | None) -> BloodLoss:
    detail = {"millilitres": row.millilitres, "method": row.method, "measured_at": row.measured_at}
    if before:
        detail |= {"number": row.number, "instead_of": before.millilitres, "reason": row.reason}
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _record(Action.UPDATE if before else Action.CREATE, row.recorded_by, row.encounter, detail)
    except IntegrityError as error:  # two people recorded the same number at the same moment
        raise Refused(CHANGED_MEANWHILE) from error
    return row


def made_before(study: Study, loss: BloodLoss) -> bool:
    """Return whether an assessment was sent no later than the minute in which the loss was measured."""
    return study.submitted_at < end_of_minute(loss.measured_at)


def end_of_minute(moment: datetime) -> datetime:
    """Return when the minute of ``moment`` is over: people type minutes, not seconds."""
    return moment.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _admitted(encounter: Encounter) -> datetime:
    """Return the earliest moment a birth of this stay can have.

    That is when the stay was opened, or, typed in afterwards, the admission that an assessment of it names.
    """
    assessed = encounter.studies.filter(algorithm=ALGORITHM).exclude(state=State.REFUSED)
    known = [encounter.started_at]
    for submitted_at, values in assessed.values_list("submitted_at", "values"):
        known.append(submitted_at)
        if admission := registry.door(ALGORITHM, "contract").check(values)[0]["admission_at"]:
            known.append(admission)
    return min(known)


def _record(action: Action, user: User, encounter: Encounter, detail: Mapping[str, Any]) -> None:
    record(
        action,
        actor=user,
        patient=encounter.patient_id,
        kind="blood_loss",
        object_id=str(encounter.pk),
        detail=detail,
    )

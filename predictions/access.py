"""Who sees which study, and who may do what with it: asked by the pages and the API alike.

Whoever may see the patient may see the patient's studies. What is done with one is for the roles that its
contract names, in the unit that the study is of. An emergency opens reading, and a study in one's own unit;
it neither signs, amends nor takes a recording out.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from clinic.accounts.access import kept_for
from clinic.accounts.models import User
from clinic.accounts.roles import CLINICAL, Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from ml import registry
from ml.contracts import Contract
from patients import access as records
from patients.models import Encounter, Patient
from predictions.models import Study

SLEEP_UNIT = "sleep"
BIRTHS = "haemorrhage"


def for_user(user: User) -> QuerySet[Study]:
    """Return the studies of the patients ``user`` may see, latest first."""
    return Study.objects.filter(patient__in=records.for_user(user)).select_related(
        "patient", "unit", "submitted_by"
    )


def of_units(user: User) -> QuerySet[Study]:
    """Return the studies of the patients of the units of ``user``, without those of an emergency."""
    return for_user(user).filter(patient__in=records.of_units(user))


def get_or_404(user: User, study_id: UUID) -> Study:
    """Return a study, or refuse as if there were none; the refusal is recorded.

    Raises
    ------
    Http404
        When ``user`` may not see it, or there is none. Call it outside a transaction.
    """
    study = for_user(user).filter(pk=study_id).prefetch_related("predictions").first()
    if study is None:
        owner = Study.objects.filter(pk=study_id).values_list("patient_id", flat=True).first()
        record(
            Action.REFUSED,
            actor=user,
            patient=owner,
            study=study_id if owner else None,
            kind="study",
            object_id=str(study_id),
        )
        raise Http404
    return study


def may_submit(user: User, contract: Contract) -> bool:
    """Return whether ``user`` may put questions to this algorithm."""
    return user.role in contract.submit_roles and user.units.filter(code=contract.unit).exists()


def may_sign(user: User, study: Study) -> bool:
    """Return whether ``user`` is one of those who sign this study: in its unit, for a patient of theirs."""
    in_unit = user.role in study.contract.sign_roles and user.units.filter(pk=study.unit_id).exists()
    return in_unit and records.answers_for(user, study.patient_id)


def may_review(user: User, study: Study) -> bool:
    """Return whether ``user`` cares for patients in the study's unit."""
    return user.clinical and user.units.filter(pk=study.unit_id).exists()


def may_score(user: User, study: Study) -> bool:
    """Return whether ``user`` is one of those who score nights in the study's unit."""
    roles = {*study.contract.submit_roles, *study.contract.sign_roles}
    return user.role in roles and user.units.filter(pk=study.unit_id).exists()


def may_take_out(user: User, study: Study) -> bool:
    """Return whether ``user`` may take the recording itself out, without a name."""
    return may_score(user, study) and records.answers_for(user, study.patient_id)


def may_record_loss(user: User, encounter: Encounter) -> bool:
    """Return whether ``user`` records the blood loss of births in the unit of a stay."""
    roles = registry.contract(BIRTHS).submit_roles
    return user.role in roles and user.units.filter(pk=encounter.unit_id).exists()


def require_submitter(user: User, algorithm: str, patient_id: UUID) -> tuple[Contract, Patient]:
    """Return algorithm and patient for whoever may ask the one about the other.

    Raises
    ------
    Http404
        When there is no such algorithm for patients, or the patient is not theirs to see; recorded.
    PermissionDenied
        When their role or unit does not; recorded.
    """
    if algorithm not in registry.names() or not registry.contract(algorithm).clinical:
        raise Http404
    contract = registry.contract(algorithm)
    patient = records.get_or_404(user, patient_id)
    if not may_submit(user, contract):
        record(Action.REFUSED, actor=user, patient=patient.pk, kind="study", detail={"needs": "submitter"})
        raise PermissionDenied
    return contract, patient


def _study(user: User, study_id: UUID, **_: object) -> None:
    get_or_404(user, study_id)


def _submission(user: User, algorithm: str, patient: UUID, **_: object) -> None:
    require_submitter(user, algorithm, patient)


def _allowed(allows: Callable[[User, Study], bool], needs: str) -> Callable[..., None]:
    """Return the check that a study is seen, and that ``allows`` says yes."""

    def check(user: User, study_id: UUID, **_: object) -> None:
        study = get_or_404(user, study_id)
        if not allows(user, study):
            record(
                Action.REFUSED,
                actor=user,
                patient=study.patient_id,
                study=study.pk,
                kind="study",
                detail={"needs": needs},
            )
            raise PermissionDenied

    return check


def _laboratory(user: User, **_: object) -> None:
    """Let the sleep laboratory pass, and model stewards: what is asked names no patient."""
    if user.role == Role.STEWARD or (user.clinical and user.units.filter(code=SLEEP_UNIT).exists()):
        return
    record(Action.REFUSED, actor=user, kind="page", detail={"needs": "sleep laboratory"})
    raise PermissionDenied


def _birth(user: User, patient_id: UUID, encounter_id: UUID, **_: object) -> None:
    patient = records.get_or_404(user, patient_id)
    encounter = patient.encounters.select_related("unit").filter(pk=encounter_id).first()
    if encounter is None:
        raise Http404
    if not may_record_loss(user, encounter):
        record(
            Action.REFUSED, actor=user, patient=patient_id, kind="blood_loss", detail={"needs": "submitter"}
        )
        raise PermissionDenied


STUDY = Rule("whoever sees the patient", _study)
STUDIES = Rule("staff who care for patients, each their own", kept_for(*CLINICAL))
SUBMISSION = Rule("those who submit to the algorithm, in its unit", _submission)
RESUBMISSION = Rule(
    "those who submit such studies, in their unit",
    _allowed(lambda user, study: may_submit(user, study.contract), "submitter"),
)
REVIEW = Rule("staff of the study's unit", _allowed(may_review, "unit"))
SCORING = Rule("those who score nights, in the study's unit", _allowed(may_score, "scorer"))
BLOOD_LOSS = Rule("midwives and physicians of the stay's unit", _birth)
SIGNATURE = Rule("those who sign such studies, for patients of their unit", _allowed(may_sign, "signer"))
SLEEP_LABORATORY = Rule("the sleep laboratory and model stewards", _laboratory)
STEWARDS = Rule("model stewards", kept_for(Role.STEWARD))

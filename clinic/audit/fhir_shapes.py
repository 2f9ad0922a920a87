"""Which shape of FHIR AuditEvent each action takes: IHE BALP 1.1.3 where it has one, DICOM's codes elsewhere.

BALP describes what succeeded; what was refused or failed takes the codes without the profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clinic.audit.models import Action, Event

BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
TOKEN_USE = f"{BALP}OAUTHaccessTokenUse.Minimal"
EVENT_TYPE = "http://terminology.hl7.org/CodeSystem/audit-event-type"
RESTFUL = "http://hl7.org/fhir/restful-interaction"
LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
LOCAL = "https://vigie.invalid/fhir/CodeSystem/audit-action"

SUCCESS, MINOR, SERIOUS = "0", "4", "8"
Coding = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shape:
    """How an action is written.

    Parameters
    ----------
    type, subtype
        Codings; the action of this product is added as another subtype.
    action
        C, R, U, D or E.
    profile
        Last part of the BALP profile, empty where there is none.
    of_patient
        Whether that profile has a twin for events about a patient.
    user
        How the person took part: code of v3-ParticipationType.
    upload
        Whether the data flowed from the caller to this product.
    outcome
        ``"0"`` success, ``"4"`` minor failure, ``"8"`` serious failure.
    """

    type: Coding
    subtype: Coding
    action: str
    profile: str = ""
    of_patient: bool = True
    user: str = "IRCP"
    upload: bool = False
    outcome: str = SUCCESS


def _dcm(code: str, display: str) -> Coding:
    return {"system": DCM, "code": code, "display": display}


def _rest(code: str) -> Coding:
    return {"system": RESTFUL, "code": code, "display": code}


REST: Coding = {"system": EVENT_TYPE, "code": "rest", "display": "Restful Operation"}
AUTHENTICATION = _dcm("110114", "User Authentication")
LOGIN, LOGOUT = _dcm("110122", "Login"), _dcm("110123", "Logout")
SECURITY_ALERT = _dcm("110113", "Security Alert")
ATTRIBUTES = _dcm("110137", "User Security Attributes Changed")
EXPORT, IMPORT = _dcm("110106", "Export"), _dcm("110107", "Import")
AUDIT_LOG_USED = _dcm("110101", "Audit Log Used")
DISCLOSE: Coding = {"system": LIFECYCLE, "code": "disclose", "display": "Disclose Record Lifecycle Event"}

READ = Shape(REST, _rest("read"), "R", "Read")
QUERY = Shape(REST, _rest("search"), "E", "Query", upload=True)
CREATE = Shape(REST, _rest("create"), "C", "Create", user="AUT", upload=True)
UPDATE = Shape(REST, _rest("update"), "U", "Update", user="AUT", upload=True)
DELETE = Shape(REST, _rest("delete"), "D", "Delete", user="CST", upload=True)
OPERATION = Shape(REST, _rest("operation"), "E", user="AUT")
ENTER = Shape(AUTHENTICATION, LOGIN, "E", upload=True)
RIGHTS = Shape(SECURITY_ALERT, ATTRIBUTES, "U", user="AUT", upload=True)
DISCLOSURE = Shape(EXPORT, DISCLOSE, "R", "PrivacyDisclosure.Source", of_patient=False)
AUDIT_USED = Shape(AUDIT_LOG_USED, _rest("read"), "R")

SHAPES: Mapping[Action, Shape] = {
    Action.LOGIN: ENTER,
    Action.REAUTHENTICATE: ENTER,
    Action.LOGOUT: replace(ENTER, subtype=LOGOUT),
    Action.LOGIN_FAILED: replace(ENTER, outcome=MINOR),
    Action.LOCK: replace(ENTER, outcome=SERIOUS),
    Action.REFUSED: replace(READ, profile="", outcome=MINOR),
    Action.SEARCH: QUERY,
    Action.VIEW: READ,
    Action.DOWNLOAD: READ,
    Action.CREATE: CREATE,
    Action.SUBMIT: CREATE,
    Action.REVIEW: CREATE,
    Action.REQUEST: CREATE,
    Action.UPLOAD: CREATE,
    Action.UPDATE: UPDATE,
    Action.RETRY: UPDATE,
    Action.SIGN: UPDATE,
    Action.AMEND: UPDATE,
    Action.HOLD: UPDATE,
    Action.RELEASE: UPDATE,
    Action.APPROVE: UPDATE,
    Action.DECLINE: UPDATE,
    Action.ACCEPT: UPDATE,
    Action.REJECT: UPDATE,
    Action.SERVE: UPDATE,
    Action.ROLL_BACK: UPDATE,
    Action.DEPLOY: UPDATE,
    Action.WITHDRAW: UPDATE,
    Action.DISCARD: DELETE,
    Action.ERASE: DELETE,
    Action.PREDICT: OPERATION,
    Action.EXPLAIN: OPERATION,
    Action.TRAIN: OPERATION,
    Action.REPLAY: OPERATION,
    Action.REFUSE_INPUT: replace(OPERATION, outcome=MINOR),
    Action.FAIL: replace(OPERATION, outcome=SERIOUS),
    Action.BREAK_GLASS: replace(RIGHTS, subtype=_dcm("110127", "Emergency Override Started")),
    Action.END_ACCESS: replace(RIGHTS, subtype=_dcm("110138", "Emergency Override Stopped")),
    Action.ADMIN: RIGHTS,
    Action.ISSUE: RIGHTS,
    Action.REVOKE: RIGHTS,
    Action.EXPORT: DISCLOSURE,
    Action.BACK_UP: replace(DISCLOSURE, profile="", subtype=_rest("read")),
    Action.RESTORE: Shape(IMPORT, _rest("create"), "C", upload=True),
}


def of(event: Event) -> Shape:
    """Return the shape of one event; looking at the audit itself has one of its own."""
    if event.kind == "audit" and event.action in (Action.VIEW, Action.SEARCH, Action.DOWNLOAD, Action.EXPORT):
        return AUDIT_USED
    shape = SHAPES[Action(event.action)]
    if shape is DISCLOSURE and event.patient is None:
        return replace(shape, profile="")
    return shape


def profile(shape: Shape, event: Event) -> str:
    """Return the canonical address of the BALP profile an event follows, empty for none."""
    if not shape.profile:
        return ""
    return BALP + ("Patient" if shape.of_patient and event.patient else "") + shape.profile

"""Triggers that keep what was read and signed as it was, on SQLite and PostgreSQL.

A prediction, its explanation, a review, a keystroke of a scorer, a signature and a confirmed mapping of
channels are written once. A correction is a new row: the next review, the next event, the next signature.
A scoring is closed and opened again, but never deleted. Put back after every migration, because SQLite
loses the triggers of a table that it remakes.

Rows may be deleted by one door only, :mod:`predictions.erasing`: within the transaction that carries out an
erasure which two persons agreed on, and of its patient alone. No such erasure is ever seen outside of it.
"""

from __future__ import annotations

from clinic.audit.triggers import WriteOnce

# By table, the patient whom a row is about.
_OF_STUDY = "(SELECT patient_id FROM predictions_study WHERE id = OLD.study_id)"
_OF_PREDICTION = (
    "(SELECT s.patient_id FROM predictions_study s JOIN predictions_prediction p ON p.study_id = s.id "
    "WHERE p.id = OLD.prediction_id)"
)
PATIENT = {
    "predictions_prediction": _OF_STUDY,
    "predictions_explanation": _OF_PREDICTION,
    "predictions_firstread": _OF_STUDY,
    "predictions_readingreport": _OF_STUDY,
    "predictions_review": _OF_PREDICTION,
    "predictions_signature": _OF_STUDY,
    "predictions_amendment": (
        "(SELECT s.patient_id FROM predictions_study s JOIN predictions_signature g ON g.study_id = s.id "
        "WHERE g.id = OLD.signature_id)"
    ),
    "predictions_bloodloss": "(SELECT patient_id FROM patients_encounter WHERE id = OLD.encounter_id)",
    "predictions_scoringevent": (
        "(SELECT s.patient_id FROM predictions_study s JOIN predictions_scoring c ON c.study_id = s.id "
        "WHERE c.id = OLD.scoring_id)"
    ),
    "predictions_reportedhypnogram": _OF_PREDICTION,
    "predictions_scoring": _OF_STUDY,
}


def _erasing(patient: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM patients_erasure e WHERE e.state = 'erasing' "  # noqa: S608 - constants
        f"AND e.decided_by_id <> e.requested_by_id AND e.patient = {patient})"
    )


ERASABLE = {(table, "DELETE"): _erasing(patient) for table, patient in PATIENT.items()}

GUARDS = WriteOnce(
    label="predictions",
    tables=(
        "predictions_prediction",
        "predictions_explanation",
        "predictions_firstread",
        "predictions_readingreport",
        "predictions_review",
        "predictions_signature",
        "predictions_amendment",
        "predictions_bloodloss",
        "predictions_scoringevent",
        "predictions_reportedhypnogram",
        "predictions_channelmapping",
    ),
    refusal="written once: a correction is a new version",
    unless=ERASABLE,
)

KEPT = WriteOnce(
    label="predictions_kept",
    tables=("predictions_scoring",),
    refusal="kept: a scoring is closed, not deleted",
    verbs=("DELETE",),
    unless=ERASABLE,
)

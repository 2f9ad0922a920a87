"""Births for the training of a hospital: the signed answers before each, and the blood loss measured after.

Two people stand behind a birth: a physician signed the assessment, a midwife or physician recorded the loss.
"""

from __future__ import annotations

from predictions import births_csv
from predictions.feedback.writing import BEING_AMENDED, Writing
from predictions.states import State

CSV, MAPPING = "births.csv", "mapping.yaml"


def write(writing: Writing) -> None:
    """Write ``births.csv`` and ``mapping.yaml``, as ``ml.algorithms.haemorrhage.hospital`` reads them."""
    found = list(births_csv.births(births_csv.LAST, invented=True))
    writing.look(encounter.patient_id for encounter, _loss, _study in found)
    rows, losses = [], []
    for encounter, loss, study in found:
        if not writing.may(encounter.patient_id):
            continue
        if study is None or study.prediction is None:
            writing.left_out["no_assessment_before"] += 1
            continue
        signature = study.signatures.select_related("prediction", "signer").last()
        if study.state != State.SIGNED or signature is None:
            writing.left_out["not_signed" if signature is None else BEING_AMENDED] += 1
            continue
        mother = writing.pseudonym(encounter.patient_id).name
        rows.append(
            births_csv.row(study, loss, mother=mother, by_month=True) | {"study": writing.study(study)}
        )
        losses.append(loss)
        writing.add(
            f"{CSV}:{len(rows) + 1}",
            study,
            signature.prediction,
            by=signature.signer,
            recorded_by=loss.recorded_by,
            at=loss.measured_at,
            outcome="severe" if loss.severe else "not_severe",
            source=f"blood_loss:{loss.method}",
            # Whoever measured could have read the figure.
            blind=False,
        )
    writing.archive.write(CSV, births_csv.written(rows, [*births_csv.UNITS, "study"]).encode())
    writing.archive.write(MAPPING, births_csv.mapping(losses).encode())

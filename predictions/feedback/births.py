"""Births for the training of a hospital: the answers before each, and the blood loss that was measured."""

from __future__ import annotations

from predictions import births_csv
from predictions.feedback.writing import Writing

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
        mother = writing.pseudonym(encounter.patient_id).name
        rows.append(
            births_csv.row(study, loss, mother=mother, by_month=True) | {"study": writing.study(study)}
        )
        losses.append(loss)
        writing.add(
            f"{CSV}:{len(rows) + 1}",
            study,
            study.prediction,
            by=loss.recorded_by,
            at=loss.measured_at,
            outcome="severe" if loss.severe else "not_severe",
            source=f"blood_loss:{loss.method}",
            # Whoever measured could have read the figure.
            blind=False,
        )
    writing.archive.write(CSV, births_csv.written(rows, [*births_csv.UNITS, "study"]).encode())
    writing.archive.write(MAPPING, births_csv.mapping(losses).encode())

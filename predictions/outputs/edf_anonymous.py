"""A copy of the recording that names nobody, for a second opinion or research outside the hospital.

Patient, staff, equipment and date are taken out of the header, and the patient's names and number out of the
notes; the time of day and every sample stay. It is written piece by piece: a night may be gigabytes.
"""

from __future__ import annotations

from typing import BinaryIO

from ml.algorithms.sleep import anonymous, edf_header, identity
from ml.contracts import Problem, Refused, Text
from predictions.outputs.facts import Facts

NO_RECORDING = Problem(
    "no_recording",
    Text(
        "This study came without its recording (EDF or BDF): there is nothing to copy.",
        "Cette étude est arrivée sans son enregistrement (EDF ou BDF) : il n’y a rien à copier.",
    ),
)
NPZ = b"PK"


def render(facts: Facts, target: BinaryIO) -> None:
    """Write the copy.

    Raises
    ------
    ml.contracts.Refused
        When the study has no recording, or the file is none.
    """
    with facts.input_paths() as paths:
        if not paths:
            raise Refused(NO_RECORDING)
        with paths[min(paths)].open("rb") as source:
            head = source.read(edf_header.MAIN_BYTES)
            if head.startswith(NPZ):
                raise Refused(NO_RECORDING)
            named = identity.of(edf_header.parse_main(head))
            patient = facts.patient
            names = (patient.family_name, patient.given_name, patient.record_number)
            own = (named.family_name, named.given_name, named.record_number)
            anonymous.copy(source, target, hide_date=True, names=(*names, *own))

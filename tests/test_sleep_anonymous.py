"""An anonymised copy names nobody and is otherwise the same file."""

import io

import pytest

from ml.algorithms.sleep import anonymous, edf_header, identity
from ml.contracts import Refused
from tests.sleep_files import Channel, edf_bytes, recording

NAMED = "MCH-0234567 F 02-MAY-1951 Exemple_Marie"
STAFFED = "Startdate 01-JAN-2026 PSG-12 Dr_Exemple Recorder_99"


def copied(content: bytes, **options) -> bytes:
    target = io.BytesIO()
    anonymous.copy(io.BytesIO(content), target, **options)
    return target.getvalue()


def test_only_patient_and_recording_fields_change():
    content = edf_bytes(patient=NAMED, recording=STAFFED)
    copy = copied(content)
    assert len(copy) == len(content)
    assert (copy[:8], copy[168:]) == (content[:8], content[168:])
    header = edf_header.parse_main(copy)
    assert (header.patient, header.recording) == ("X X X X", "Startdate X X X X")
    assert identity.of(header).empty


def test_the_date_goes_when_asked_and_the_time_of_day_stays():
    header = edf_header.parse_main(copied(edf_bytes(patient=NAMED), hide_date=True))
    assert (header.start_date, header.start_time) == ("01.01.85", "22.00.00")


def test_that_a_recording_is_simulated_is_kept():
    copy = copied(edf_bytes(recording="Startdate 01-JAN-2026 X Dr_Exemple simulated"))
    header = edf_header.parse_main(copy)
    assert identity.simulated(header)
    assert "Exemple" not in header.recording


@pytest.mark.parametrize("bdf", [False, True])
def test_names_in_notes_are_crossed_out_length_for_length(bdf):
    notes = [(5.0, "Mme EXEMPLE se lève"), (9.0, "Lights off")]
    content = recording([Channel("EEG C3-A2", rate=10)], records=60, notes=notes, patient=NAMED, bdf=bdf)
    assert b"EXEMPLE" in copied(content)
    copy = copied(content, names=("Exemple", "Jo"))
    assert len(copy) == len(content)
    assert b"EXEMPLE" not in copy
    assert b"Mme XXXXXXX se" in copy
    assert b"Lights off" in copy


@pytest.mark.parametrize("notes", [(), [(5.0, "Lights off")]])
def test_what_stands_behind_the_last_record_is_not_copied(notes):
    onsets = None if notes else False
    content = recording([Channel("EEG C3-A2", rate=10)], records=60, notes=notes, onsets=onsets)
    for options in ({}, {"names": ("Exemple",)}, {"strict": True}):
        assert len(copied(content + b"Marie Exemple 1951" * 20, **options)) == len(content)


def test_what_is_no_recording_is_refused():
    with pytest.raises(Refused):
        copied(b"no recording" * 100)

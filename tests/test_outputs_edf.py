"""The hypnogram as EDF+: other programs read back exactly the stages, and whom they belong to."""

from __future__ import annotations

from pathlib import Path

import edfio
import mne
import pytest

from ml.contracts import Refused
from predictions.outputs.edf_hypnogram import ascii_word
from tests import outputs

pytestmark = pytest.mark.django_db


def test_mne_reads_back_every_epoch(tmp_path: Path) -> None:
    study = outputs.answered("sleep")
    path = tmp_path / "hypnogram.edf"
    path.write_bytes(outputs.written(study, "edf_hypnogram"))
    read = mne.read_annotations(path)
    assert [text.removeprefix("Sleep stage ") for text in read.description] == study.prediction.result[
        "stages"
    ]
    assert list(read.onset) == [30.0 * index for index in range(len(read))]
    assert set(read.duration) == {30.0}


def test_the_header_says_draft_then_signed_and_the_start_of_the_night() -> None:
    study = outputs.answered("sleep")
    draft = edfio.read_edf(outputs.written(study, "edf_hypnogram"))
    assert draft.recording.additional == ("AI_draft_not_signed", "staged_by_AI", "simulated")
    start = f"{draft.startdate}T{draft.starttime}"
    assert start == study.prediction.result["start"]
    outputs.sign(study)
    signed = edfio.read_edf(outputs.written(study, "edf_hypnogram"))
    assert signed.recording.additional == ("signed_v1", "staged_by_AI", "simulated")


def test_a_long_name_with_accents_fits_the_header() -> None:
    study = outputs.answered("sleep", family_name=outputs.HARD_NAME, given_name="Zoé")
    patient = edfio.read_edf(outputs.written(study, "edf_hypnogram")).patient
    assert patient.code == study.patient.record_number
    assert patient.birthdate == study.patient.birth_date
    assert patient.name.startswith(ascii_word(outputs.HARD_NAME)[:30])


def test_other_results_have_no_hypnogram() -> None:
    with pytest.raises(Refused, match="document_not_offered"):
        outputs.written(outputs.answered("haemorrhage"), "edf_hypnogram")

"""Nights with the hypnogram that people made of the draft, as ``ml.algorithms.sleep.pairs`` reads them."""

from __future__ import annotations

import io
from datetime import date
from typing import BinaryIO

import edfio

from ml.algorithms.sleep import anonymous, edf_header, identity
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.edf_header import Header
from ml.algorithms.sleep.pair_names import PATIENTS
from ml.contracts import Refused
from patients.models import Patient
from predictions import births_csv, verdicts
from predictions.feedback.writing import BEING_AMENDED, Writing
from predictions.models import Signature, Verdict
from predictions.outputs.deidentified import NPZ
from predictions.outputs.edf_hypnogram import LIGHTS_OFF, LIGHTS_ON, STAGE
from predictions.states import State
from predictions.storage import storage
from predictions.workspaces.sleep import scoring
from predictions.workspaces.sleep.scoring import Hypnogram

FOLDER = "recordings"
NO_DATE = date(1985, 1, 1)
"""What a recording without a name begins on; its time of day stays, for the hypnogram to be held against."""
BDF_WIDTH = 3


def write(writing: Writing) -> None:
    """Write every signed night that somebody scored: recording, hypnogram and ``patients.csv``."""
    signatures = Signature.objects.filter(study__algorithm="sleep")
    signatures = signatures.order_by("study__submitted_at", "study", "version")
    chosen = signatures.select_related(
        "study__patient",
        "review",
        "prediction",
        "signer",
        "hypnogram__scoring__scorer",
        "hypnogram__prediction",
    )
    last = {one.study_id: one for one in chosen}
    writing.look(one.study.patient_id for one in last.values())
    listed = []
    for signature in writing.once(last.values()):
        if not writing.may(signature.study.patient_id):
            continue
        why = _night(writing, signature)
        if why:
            writing.left_out[why] += 1
        else:
            name = writing.study(signature.study)
            patient = writing.pseudonym(signature.study.patient_id).name
            listed.append({"recording": name, "patient": patient})
    content = births_csv.written(listed, ["recording", "patient"])
    writing.archive.write(f"{FOLDER}/{PATIENTS}", content.encode())


def _night(writing: Writing, signature: Signature) -> str:
    """Write one night; return why it stays out, empty when it does not."""
    study, file = signature.study, signature.study.file
    if study.state != State.SIGNED:
        return BEING_AMENDED
    unseen = verdicts.unseen(signature.review)
    if signature.review.verdict == Verdict.CANNOT_ASSESS and not unseen:
        return "cannot_assess"
    reported = scoring.of(signature)
    if reported.scorer is None:
        # A network that learns from its own drafts learns to be sure, not to be right.
        return "draft_untouched"
    if file is None:
        return "no_file"
    name = writing.study(study)
    with storage.open(file.name) as stream:
        head = stream.read(edf_header.MAIN_BYTES)
        if head.startswith(NPZ):
            return "no_recording"
        try:
            header = edf_header.parse_main(head)
            hypnogram = _hypnogram(reported, header)
            suffix = ".bdf" if header.width == BDF_WIDTH else ".edf"
            _check(stream)
        except Refused as refusal:
            return refusal.problems[0].code
        path = f"{FOLDER}/{name}_night{suffix}"
        with writing.archive.entry(path) as entry:
            names = _names(study.patient, header)
            anonymous.copy(stream, entry, hide_date=True, names=names, strict=True)
    writing.archive.write(f"{FOLDER}/{name}_hypnogram.edf", hypnogram)
    made = reported.scoring
    writing.add(
        path,
        study,
        reported.prediction,
        by=signature.signer,
        recorded_by=reported.scorer,
        at=signature.signed_at,
        outcome=f"hypnogram of {len(reported.stages)} epochs",
        source=f"scored_by:{reported.scorer.role}"
        + (":apart" if made and made.blind and not study.repeats_with else ""),
        # Scoring begins with the draft on the screen, under a silent evaluation with an empty page.
        # Of a repetition somebody may know what was answered and scored of the same night before.
        blind=unseen and not study.repeats_with,
    )
    return ""


def _check(stream: BinaryIO) -> None:
    """Raise ``Refused`` for what is no recording, before an entry of the archive is begun."""
    stream.seek(0)
    head = stream.read(edf_header.MAIN_BYTES)
    header = edf_header.parse_main(head)
    rest = stream.read(header.header_bytes - edf_header.MAIN_BYTES)
    edf_header.parse_signals(head + rest, header)


def _names(patient: Patient, header: Header) -> tuple[str, ...]:
    """Return every word to cross out: who the record and who the file says it is."""
    named = identity.of(header)
    return (
        patient.family_name, patient.given_name, patient.record_number,
        named.family_name, named.given_name, named.record_number,
    )  # fmt: skip


def _hypnogram(reported: Hypnogram, header: Header) -> bytes:
    """Return stages and lights as EDF+, beginning at the time of day at which the recording does."""
    begun = identity.start(header)
    lights = ((reported.lights_off, LIGHTS_OFF), (reported.lights_on, LIGHTS_ON))
    notes = [
        edfio.EdfAnnotation(epoch * EPOCH_SECONDS, EPOCH_SECONDS, STAGE.format(stage))
        for epoch, stage in enumerate(reported.stages)
    ]
    notes += [edfio.EdfAnnotation(round(at, 3), None, text) for at, text in lights if at is not None]
    written = edfio.Edf(
        signals=[],
        recording=edfio.Recording(startdate=NO_DATE, additional=("scored_by_a_person",)),
        starttime=begun.time() if begun else None,
        annotations=sorted(notes, key=lambda one: one.onset),
    )
    stream = io.BytesIO()
    written.write(stream)
    return stream.getvalue()

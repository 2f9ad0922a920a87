"""Chest X-rays with what was signed of them, as ``ml.algorithms.chest_xray.dataset.read`` reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray import deidentify
from ml.algorithms.chest_xray.dataset import PNEUMONIA
from ml.algorithms.chest_xray.image import decode
from ml.algorithms.chest_xray.view import png, square
from ml.contracts import Refused
from predictions import births_csv, first_read, reanalysis, verdicts
from predictions.agreement.radiographs import signed_opinion
from predictions.feedback.writing import BEING_AMENDED, Writing
from predictions.models import FirstRead, Impression, Signature, StudyFile
from predictions.states import State
from predictions.storage import storage

FOLDER, ORIGINALS = "xrays", "originals"
LABELS = ("path", "split", "label", "etiology", "patient_id", "study")
SPLIT, NORMAL = "train", "NORMAL"


def write(writing: Writing) -> None:
    """Write every scored frontal image twice: de-identified as sent, and as the network is trained on it."""
    signatures = Signature.objects.filter(study__algorithm="chest_xray")
    signatures = signatures.order_by("study__submitted_at", "study", "version")
    chosen = signatures.select_related("study", "review", "prediction", "first_read", "signer")
    last = {one.study_id: one for one in chosen}
    writing.look(one.study.patient_id for one in last.values())
    labels: list[dict[str, str]] = []
    for signature in writing.once(last.values()):
        if not writing.may(signature.study.patient_id):
            continue
        label = _label(signature)
        if isinstance(label, str):
            writing.left_out[label] += 1
            continue
        labels += _study(writing, signature, pneumonia=label)
    writing.archive.write(f"{FOLDER}/labels.csv", births_csv.written(labels, list(LABELS)).encode())


def _label(signature: Signature) -> bool | str:
    """Return whether what was signed says pneumonia, or why it says nothing to learn from.

    Under a silent evaluation it is what the signer saw first, and the best label there is.
    """
    read = signature.first_read
    if signature.study.state != State.SIGNED:
        return BEING_AMENDED
    opinion = signed_opinion(signature)
    if opinion is None:
        return "cannot_assess"
    if read is not None and read.impression == Impression.OTHER and not opinion:
        # Neither normal nor pneumonia: the two classes of the training are those.
        return "other_abnormality"
    return opinion


def _study(writing: Writing, signature: Signature, *, pneumonia: bool) -> list[dict[str, str]]:
    study, rows = signature.study, []
    files = {file.number: file for file in study.files.all()}
    for image in signature.prediction.result.get("images", ()):
        if not image.get("accepted") or image.get("role") not in ("frontal", ""):
            writing.left_out["not_scored"] += 1
            continue
        file = files.get(image["number"])
        found = "no_file" if file is None else _image(writing, signature, file)
        if isinstance(found, str):
            writing.left_out[found] += 1
            continue
        copied, small = found
        name = f"{writing.study(study)}-{image['number']}"
        writing.archive.write(f"{ORIGINALS}/{name}{copied.suffix}", copied.content)
        writing.archive.write(f"{FOLDER}/{SPLIT}/{name}.png", small)
        rows.append(_row(writing, signature, f"{SPLIT}/{name}.png", pneumonia=pneumonia))
    return rows


def _row(writing: Writing, signature: Signature, path: str, *, pneumonia: bool) -> dict[str, str]:
    label, study = PNEUMONIA if pneumonia else NORMAL, signature.study
    read = signature.first_read
    writing.add(
        f"{FOLDER}/{path}",
        study,
        signature.prediction,
        by=signature.signer,
        at=signature.signed_at,
        outcome=label,
        source=f"signed_reading:{verdicts.code(signature.review)}",
        blind=None if read is None else _blind(read, pneumonia=pneumonia),
    )
    return {
        "path": path,
        "split": SPLIT,
        "label": label,
        "etiology": "",
        "patient_id": writing.pseudonym(study.patient_id).name,
        "study": writing.study(study),
    }


def _blind(read: FirstRead, *, pneumonia: bool) -> bool | None:
    """Return whether a label was said before any answer to these files was shown."""
    if first_read.sees_pneumonia(read) != pneumonia:
        return False
    shown = reanalysis.shown_before(read.study, read.at)
    return None if shown is None else not shown


def _image(writing: Writing, signature: Signature, file: StudyFile) -> tuple[Any, bytes] | str:
    """Return an image without a name as sent and as trained on, or why it stays out."""
    with storage.open(file.name) as stream:
        content = stream.read()
    try:
        copied = deidentify.copy(content, writing.pseudonym(signature.study.patient_id))
        with storage.local(file.name) as path:
            grey = decode(path, allow_capture=True).grey
    except Refused as refusal:
        return refusal.problems[0].code
    # Nobody looks through hundreds of images: one with lettering stays out.
    if deidentify.LETTERING in copied.warnings:
        return "lettering"
    return copied, png(Image.fromarray(np.asarray(square(grey))))

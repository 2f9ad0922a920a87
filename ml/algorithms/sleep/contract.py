"""What the web process has to know of sleep staging: labels, limits, and how to screen an upload."""

from __future__ import annotations

from ml.algorithms.sleep import edf_header
from ml.contracts import Contract, InputKind, Limits, Problem, Text

STAGES = ("W", "N1", "N2", "N3", "R")
EPOCH_SECONDS = 30
# The inputs of the networks, each filled by one derivation.
SLOTS = ("eeg_frontal_central", "eeg_posterior", "eog")

CONTRACT = Contract(
    name="sleep",
    title=Text("Sleep staging", "Stades du sommeil"),
    purpose=Text(
        "Proposes a sleep stage for every 30 s epoch of a polysomnography, with the statistics of the night, "
        "for a person to check, correct and sign.",
        "Propose un stade de sommeil pour chaque époque de 30 s d’une polysomnographie, avec les "
        "statistiques de la nuit, à vérifier, corriger et signer par un professionnel.",
    ),
    input_kind=InputKind.FILE,
    queue="signals",
    limits=Limits(seconds=600, memory_bytes=4 * 1024**3, upload_bytes=2 * 1024**3),
    unit="sleep",
    submit_roles=("technician", "physician"),
    sign_roles=("physician",),
    suffixes=(".edf", ".bdf", ".rec"),
)


def screen(head: bytes, size: int) -> list[Problem]:
    """Check an upload by its first bytes and its size.

    Parameters
    ----------
    head
        The first 4096 bytes of the file, or all of it when it is shorter.
    size
        Size of the whole file in bytes.

    Returns
    -------
    list of Problem
        Empty when the file looks like a closed EDF, EDF+ or BDF recording. A header longer than
        ``head`` is checked in full when the file is loaded.
    """
    return edf_header.screen(head, size)

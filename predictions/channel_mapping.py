"""What a unit knows of its recorders: the mapping of channels its staff confirmed, by set of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from clinic.accounts.models import Unit
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.algorithms.sleep import mapping
from ml.contracts import Problem, Refused
from predictions.models import ChannelMapping, Study
from predictions.storage import storage

ALGORITHM = "sleep"
# Which remembered mapping a study was sent with; never the sender's to say.
REMEMBERED = "mapping"
# That a person looked at the channels a study names: the unit remembers them once it was staged with them.
CONFIRMED = "confirmed"


def remembered(unit: Unit, labels: list[str]) -> ChannelMapping | None:
    """Return the mapping last confirmed in a unit for recordings with exactly these labels."""
    known = ChannelMapping.objects.filter(unit=unit, labels_sha256=mapping.fingerprint(labels))
    return known.select_related("confirmed_by").first()


def options(unit: Unit, algorithm: str, sent: Mapping[str, Any], head: BinaryIO | None) -> dict[str, str]:
    """Return the options a unit confirmed earlier for such a recording, when the sender names no channel.

    Parameters
    ----------
    sent
        The sender's own options: where they name a channel nothing is added.
    head
        The recording, opened at its beginning; ``None`` where there is none.
    """
    if algorithm != ALGORITHM or head is None or any(name in sent for name in mapping.OPTIONS):
        return {}
    labels = _labels(head)
    found = remembered(unit, labels) if labels else None
    return {} if found is None else {**found.options, REMEMBERED: str(found.pk)}


def confirm(study: Study) -> ChannelMapping | None:
    """Remember the channels a person confirmed, for the next recording with the same labels; audited.

    Call it once the recording was staged with them: what could not be staged is offered to nobody. Channels
    that a program named stay with its own study: nobody looked at them.

    Returns
    -------
    ChannelMapping or None
        ``None`` when nobody confirmed them, no use was named, or the same or a later one is known already.
    """
    named = {name: study.options[name] for name in mapping.USES if study.options.get(name)}
    if study.algorithm != ALGORITHM or not named or CONFIRMED not in study.options or study.file is None:
        return None
    with storage.open(study.file.name) as stream:
        labels = _labels(stream)
    latest = remembered(study.unit, labels) if labels else None
    # Analysed again, a night of before does not take the place of what was confirmed since.
    later = latest is not None and latest.confirmed_at > study.submitted_at
    if not labels or later or (latest is not None and latest.options == named):
        return None
    kept = ChannelMapping.objects.create(
        unit=study.unit,
        labels_sha256=mapping.fingerprint(labels),
        labels=labels,
        options=named,
        confirmed_by=study.submitted_by,
        confirmed_at=study.submitted_at,
    )
    record(
        Action.UPDATE,
        actor=study.submitted_by,
        patient=study.patient_id,
        study=study.pk,
        kind="channel_mapping",
        object_id=str(kept.pk),
        detail={"unit": study.unit.code, "options": named, "labels": len(labels)},
    )
    return kept


def without_eeg(options: Mapping[str, Any], algorithm: str, head: BinaryIO | None) -> list[Problem]:
    """Return why a recording is not sent with the channels its sender names; empty when it may be."""
    if algorithm != ALGORITHM or head is None:
        return []
    return mapping.without_eeg(head.read(mapping.LARGEST_HEADER), options)


def _labels(stream: BinaryIO) -> list[str]:
    """Labels of a recording; none when it is no recording (a night of band powers) or damaged."""
    head = stream.read(mapping.MAIN_BYTES)
    try:
        length = mapping.header_length(head)
        _header, signals = mapping.parse(head + stream.read(length - len(head)))
    except Refused:
        return []
    return mapping.labels(signals)

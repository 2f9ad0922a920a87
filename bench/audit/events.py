"""Ours: an event with its payload, the mark that it waits, and its seal."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from bench.measuring import Samples, cpu_ms
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.audit.seal import seal_all

EVENTS = 200
PATIENT = UUID(int=1)


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per event, and events per CPU second."""

    def write() -> None:
        for number in range(EVENTS):
            record(Action.VIEW, patient=PATIENT, kind="study", detail={"number": number})

    write()
    seal_all()
    written, sealed = [], []
    for _ in range(repeats):
        written += cpu_ms(write, 1)
        sealed += cpu_ms(seal_all, 1)
    return {
        "event_cpu_ms": [spent / EVENTS for spent in written],
        "sealed_event_cpu_ms": [spent / EVENTS for spent in sealed],
        "events_per_cpu_s": [1000 * EVENTS / spent for spent in written],
        "seals_per_cpu_s": [1000 * EVENTS / spent for spent in sealed],
    }

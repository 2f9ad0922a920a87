"""A whole night to write documents of, scored by hand or not; drawn up, not recorded from anybody."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clinic.accounts.models import User
from ml.algorithms.sleep import oxygen
from ml.algorithms.sleep import report as sleep_report
from ml.algorithms.sleep.statistics import statistics
from ml.algorithms.sleep.traces import Trace
from ml.contracts import Finding, Outcome, Problem, Severity, Status, Text
from ml.package import Package
from predictions.models import Study
from predictions.workspaces.sleep import events

STAGES = ("W", "N1", "N2", "N3", "R")
START = "2026-03-05T22:13:20"
CYCLE = [("N1", 6), ("N2", 46), ("N3", 50), ("N2", 28), ("R", 38), ("W", 3)]
GAP = range(500, 508)
FIRST_STATISTICS = (
    "trt", "tst", "spt", "sol", "waso", "wake_in_sleep_period", "se", "sme", "rem_latency",
    "rem_latency_from_lights_off", "wake", "unscored", "n1", "n2", "n3", "r", "n1_percent", "n2_percent",
    "n3_percent", "r_percent", "awakenings", "stage_shifts",
)  # fmt: skip
"""What a package 1.0.0 stored."""
LIMIT = Text("Adults of a sleep laboratory.", "Adultes en laboratoire du sommeil.")


def stages(epochs: int = 960, gap: range = GAP) -> list[str]:
    """Return a plausible draft: half an hour awake, then cycles; a gap that nobody could stage."""
    night = ["W"] * 60 + [stage for stage, count in CYCLE for _ in range(count)] * (1 + epochs // 171)
    return ["?" if epoch in gap else stage for epoch, stage in enumerate(night[:epochs])]


def probabilities(drafted: Sequence[str]) -> list[list[float] | None]:
    """Return rows that are surest of the drafted stage, and none for an epoch without one."""
    draw = random.Random(7)
    rows: list[list[float] | None] = []
    for stage in drafted:
        if stage not in STAGES:
            rows.append(None)
            continue
        row = [draw.random() * 0.2 for _ in STAGES]
        row[STAGES.index(stage)] += 0.8
        rows.append([round(value / sum(row), 4) for value in row])
    return rows


@cache
def saturation(epochs: int) -> dict[str, Any]:
    """Return what is measured of an oximeter that falls by five points every ten minutes."""
    seconds = np.arange(epochs * 30)
    fall = np.clip(1 - np.abs(seconds % 600 - 300) / 25, 0, 1)
    samples = (96 - 8 * fall).astype(np.float32)
    samples[7200:7500] = np.nan
    return oxygen.analyse(Trace("SpO2", "%", 1.0, samples), epochs).to_json()


def result(drafted: Sequence[str] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the stored answer to a night, as rich as it can be; ``changes`` replace its keys."""
    found = list(drafted) if drafted is not None else stages()
    epochs = len(found)
    disagreement = [None if stage == "?" else round(0.5 * (i % 3 == 0), 2) for i, stage in enumerate(found)]
    return {
        "stages": found,
        "probabilities": probabilities(found),
        "epoch_seconds": 30,
        "channels": {
            "eeg_frontal_central": "F4-M1",
            "eeg_posterior": "O2-M1",
            "eog": "E1-M2",
            "emg_chin": None,
        },
        "statistics": statistics(found),
        "uncertain": [epoch for epoch in (3, 61, 62, 200) if epoch < epochs],
        "start": START,
        "simulated": False,
        "segments": [[0, epochs]],
        "jury": {
            "derivations": ["F4-M1", "C4-M1", "O2-M1"],
            "votes": [found] * 3,
            "disagreement": disagreement,
        },
        "quality": {"epochs": [[0, 3, "flat"], [2, 2, "mains"]]},
        "oxygen": saturation(epochs) if epochs >= 120 else None,
        "breathing": None,
        "microstructure": None,
    } | changes


def before() -> dict[str, Any]:
    """Return an answer of a package 1.0.0: no jury, no oxygen, no word on quality by epoch."""
    later = ("segments", "jury", "quality", "oxygen", "breathing", "microstructure")
    found = {key: value for key, value in result(stages(gap=range(0))).items() if key not in later}
    return found | {"statistics": {key: found["statistics"][key] for key in FIRST_STATISTICS}}


def outcome(answer: dict[str, Any] | None = None) -> Outcome:
    """Return an answer as the runner gives it; no network is asked."""
    answer = answer or result()
    warning = Text("The file has a gap of four minutes.", "Le fichier comporte une interruption de 4 min.")
    return Outcome(
        algorithm="sleep",
        version="0.0.1",
        sha256="6" * 64,
        status=Status.OK,
        result=answer,
        report=sleep_report.report(Package(Path(), {"metrics": [], "limits": [LIMIT.as_json()]}), answer),
        problems=(Problem("gap", warning, severity=Severity.WARN),),
        quality=(
            Finding("mains", Text("F4-M1: 50 Hz in", "F4-M1 : 50 Hz dans"), "3.5", "%", attention=True),
        ),
    )


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """Return an event as the scoring room sends it."""
    return {"id": str(uuid.uuid4()), "kind": kind, "at": "2026-03-06T09:00:00+00:00", **fields}


def score(study: Study, scorer: User, *sent: dict[str, Any], close: bool = True) -> None:
    """Score a night as somebody does in the room."""
    batch = [*sent, *([event("close")] if close else [])]
    taken = events.take(user=scorer, study=study, sent=batch)
    assert not taken.refused, [problem.message.en for _id, problem in taken.refused]
    study.refresh_from_db()


def correction(comment: str = "Alpha intrusion, see page 120.") -> list[dict[str, Any]]:
    """Return the events of somebody who corrects a draft of :func:`stages`."""
    return [
        *(event("stage", epoch=epoch, value="N1") for epoch in range(66, 72)),
        event("stage", epoch=500, value="W"),
        event("arousal", onset_s=3004.5, duration_s=6.0, value="on"),
        event("arousal", epoch=300, value="on"),
        event("artefact", epoch=30, value="on"),
        event("comment", epoch=120, text=comment),
        event("lights_off", seconds=620.0),
        event("lights_on", seconds=28000.0),
    ]


def full() -> dict[str, Any]:
    """Return an answer with flow events and a spindle in every epoch of N2 too."""
    found = stages()
    epochs = len(found)
    gate = {"share": 0.9, "hours": 7.0, "usable": True, "adequate": True, "reasons": []}
    event_ = {"kind": "hypopnoea", "effort": None, "burden": 2.5, "drop": 4.0}
    flow = [event_ | {"start_s": at, "end_s": at + 20} for at in range(3000, 27000, 600)]
    n2 = [int(stage == "N2") for stage in found]
    table = {"count": n2, "duration": [0.9 * n for n in n2], "frequency": [13.2 * n for n in n2]}
    per_epoch = {"seconds": [30 * n for n in n2], "spindles": table | {"amplitude": None}}
    return result(
        found,
        breathing={
            "label": "Flow", "gate": gate, "oxygen": True, "events": flow,
            "per_epoch": {"seconds": [30] * epochs},
        },
        microstructure={
            "absolute": False, "reasons": [],
            "per_epoch": per_epoch | {"slow_waves": table | {"amplitude": n2}},
        },
    )  # fmt: skip

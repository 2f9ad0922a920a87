"""Do as the form says."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ml.contracts import Artefact, Finding, Loaded, Problem, Refused, Source, Text
from ml.package import Package


def load(source: Source, package: Package) -> Loaded:
    """Leave a mark that the work began, then behave as asked."""
    behaviour = source.values.get("behaviour", "answer")
    if mark := source.values.get("mark"):
        with Path(mark).open("a") as stream:
            stream.write(f"{os.getpid()}\n")
    BEHAVIOURS[behaviour](source)
    return Loaded(
        data=dict(source.values),
        quality=(Finding("probe", Text("Probed", "Sondé")),),
        artefacts=(Artefact("probe.txt", "text/plain", b"probed" * int(source.values.get("size", 1))),),
    )


def _sleep(source: Source) -> None:
    time.sleep(float(source.values["seconds"]))


def _die(source: Source) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deaf(source: Source) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(600)


def _eat(source: Source) -> None:
    bytearray(2**30)


def _fail(source: Source) -> None:
    raise RuntimeError("LANTERN Claire 204817")


def _refuse(source: Source) -> None:
    raise Refused(Problem("probe_refused", Text("Refused.", "Refusé.")), answer={"gate": {"accepted": False}})


BEHAVIOURS = {
    "answer": lambda source: None,
    "sleep": _sleep,
    "die": _die,
    "deaf": _deaf,
    "eat": _eat,
    "raise": _fail,
    "refuse": _refuse,
    "not_json": lambda source: None,
}

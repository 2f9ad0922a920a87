"""A process of its own that reads hostile files as a pool child does: within the limits of the contract.

What kills it, hangs it or fills its memory is told with the name of the file, and the next one gets a new
process.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml import batch, registry, runner
from ml.algorithms.haemorrhage.hospital import reading
from ml.contracts import Limits, Problem, Refused, Source, Text
from predictions.limits import within
from predictions.stewardship import table
from tests.hostile.case import Intake

ROOT = Path(__file__).parents[2]
MEBIBYTE = 1 << 20
HARD_SECONDS = 120
"""CPU seconds after which the system ends a child that does not end itself."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one file ended.

    Parameters
    ----------
    status
        ``ok``, ``refused``, ``failed`` (an exception), ``dead`` (the process went with it).
    screened
        Codes of the web process's look at the first bytes.
    codes
        Codes of the worker's refusal.
    mute
        Codes that lack a sentence in one of the languages.
    detail
        What was raised, for a failed test.
    """

    status: str
    screened: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    mute: list[str] = field(default_factory=list)
    seconds: float = 0.0
    mebibytes: int = 0
    detail: str = ""


class Child:
    """The process, begun when first needed and again after each that died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def read(self, intake: Intake, path: Path) -> Ending:
        """Have one file read as its intake would."""
        process = self._process or self._begin()
        question = json.dumps({"intake": intake, "path": str(path)})
        try:
            process.stdin.write(question + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            return Ending("dead", detail=f"exit status {self.close()}")
        return Ending(**json.loads(answer))

    def close(self) -> int | None:
        """End the process and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return None
        with suppress(BrokenPipeError):
            process.stdin.close()
        return process.wait()

    def _begin(self) -> subprocess.Popen[str]:
        command = (sys.executable, "-m", "tests.hostile.child")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)
        return self._process


def _ending(intake: Intake, path: Path) -> dict[str, Any]:
    screened = _screened(intake, path)
    before, begun = _resident("VmRSS"), time.process_time()
    Path("/proc/self/clear_refs").write_text("5")
    status, problems, detail = "failed", [], ""
    try:
        with within(LIMITS.get(intake) or registry.contract(ALGORITHMS[intake]).limits):
            status, problems = READERS.get(intake, _study)(intake, path)
    except Exception as error:  # noqa: BLE001
        detail = f"{type(error).__name__}: {error}"[:500]
    said = [*screened, *problems]
    return {
        "status": status,
        "screened": [problem.code for problem in screened],
        "codes": [problem.code for problem in problems],
        "mute": [p.code for p in said if not (p.message.en.strip() and p.message.fr.strip())],
        "seconds": round(time.process_time() - begun, 2),
        "mebibytes": max(0, _resident("VmHWM") - before) // MEBIBYTE,
        "detail": detail,
    }


def _screened(intake: Intake, path: Path) -> list[Problem]:
    """Return what the web process says of the first bytes of an upload."""
    if intake in (*READERS, Intake.EVENTS):
        return []
    with path.open("rb") as stream:
        return registry.door(ALGORITHMS[intake], "contract").screen(stream.read(4096), path.stat().st_size)


def _study(intake: Intake, path: Path) -> tuple[str, Sequence[Problem]]:
    outcome = runner.run(ALGORITHMS[intake], Source(path=path))
    return str(outcome.status), outcome.problems


def _form(intake: Intake, path: Path) -> tuple[str, Sequence[Problem]]:
    outcome = runner.run(ALGORITHMS[intake], Source(values=json.loads(path.read_bytes())["values"]))
    return str(outcome.status), outcome.problems


def _table(intake: Intake, path: Path) -> tuple[str, Sequence[Problem]]:
    """Score a table; refused is one whose bad rows are, each with a reason, and no other row."""
    try:
        summary = batch.score_file(ALGORITHMS[intake], path, path.with_suffix(".out"))
    except batch.WrongTable as refusal:
        return "refused", refusal.problems
    finally:
        path.with_suffix(".out").unlink(missing_ok=True)
    codes = [Problem(name.rpartition(": ")[2], Text("said", "dit")) for name in summary.problems]
    return ("failed" if summary.rows["failed"] else "refused" if summary.rows["refused"] else "ok"), codes


def _births(intake: Intake, path: Path) -> tuple[str, Sequence[Problem]]:
    """Do as the page does: read the head, propose what the columns are, read the whole table."""
    mapping = registry.door(ALGORITHMS[intake], "mapping")
    try:
        head = table.read_head(ALGORITHMS[intake], path)
        columns = mapping.Mapping.from_mapping(mapping.suggest(head.header, head.rows))
        reading.read(path, columns)
    except Refused as refusal:
        return "refused", refusal.problems
    except mapping.WrongMapping as wrong:
        return "refused", wrong.problems
    return "ok", ()


ALGORITHMS = {
    Intake.EDF: "sleep",
    Intake.BDF: "sleep",
    Intake.DICOM: "chest_xray",
    Intake.PNG: "chest_xray",
    Intake.JPEG: "chest_xray",
    Intake.CREDIT: "german_credit",
    Intake.BIRTHS: "haemorrhage",
    Intake.FORM: "haemorrhage",
    Intake.APPLICATION: "german_credit",
}
# A table of births is read by the worker of trainings, which has more room than that of forms.
LIMITS = {Intake.BIRTHS: Limits(seconds=300, memory_bytes=3 << 30)}
READERS = {
    Intake.CREDIT: _table,
    Intake.BIRTHS: _births,
    Intake.FORM: _form,
    Intake.APPLICATION: _form,
}


def _resident(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))


def main() -> None:
    """Answer one line of JSON with one line of JSON until there are no more."""
    for line in sys.stdin:
        question = json.loads(line)
        spent = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (spent + HARD_SECONDS, resource.RLIM_INFINITY))
        ending = _ending(Intake(question["intake"]), Path(question["path"]))
        sys.stdout.write(json.dumps(ending) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

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
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml import registry, runner
from ml.contracts import Source
from predictions.limits import TooSlow, within

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

    def read(self, algorithm: str, path: Path) -> Ending:
        """Have one file read."""
        process = self._process or self._begin()
        question = json.dumps({"algorithm": algorithm, "path": str(path)})
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


def _ending(algorithm: str, path: Path) -> dict[str, Any]:
    contract = registry.contract(algorithm)
    with path.open("rb") as stream:
        head = stream.read(4096)
    screened = registry.door(algorithm, "contract").screen(head, path.stat().st_size)
    before, begun = _resident("VmRSS"), time.process_time()
    Path("/proc/self/clear_refs").write_text("5")
    status, problems, detail = "failed", (), ""
    try:
        with within(contract.limits):
            outcome = runner.run(algorithm, Source(path=path))
        status, problems = str(outcome.status), outcome.problems
    except (Exception, TooSlow) as error:
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


def _resident(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))


def main() -> None:
    """Answer one line of JSON with one line of JSON until there are no more."""
    for line in sys.stdin:
        question = json.loads(line)
        spent = int(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (spent + HARD_SECONDS, resource.RLIM_INFINITY))
        ending = _ending(question["algorithm"], Path(question["path"]))
        sys.stdout.write(json.dumps(ending) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Child processes that never outlive their parent, start again when they die, and stop in good order."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
M_MMAP_THRESHOLD = -3
LARGE_BYTES = 1 << 20
STEADY_SECONDS = 60
LONGEST_PAUSE = 30
LOG_BYTES = 5 * 1024 * 1024

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Service:
    """A program the product consists of.

    Parameters
    ----------
    name
        What people and log files call it.
    command
        Its command line.
    grace
        Seconds it may take to finish what it is doing when asked to stop.
    """

    name: str
    command: tuple[str, ...]
    grace: float = 10


@dataclass
class Child:
    """A service and the process that runs it now."""

    service: Service
    environment: Mapping[str, str]
    folder: Path
    log: Path
    say: Callable[[str], None]
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    started_at: float = 0
    restart_at: float = field(default=0)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process in a group of its own, so that Ctrl-C reaches only the supervisor."""
        parent = os.getpid()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.service.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Safe here: the supervisor has one thread.
                preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509
            )
        self.started_at = time.monotonic()

    def revive(self) -> bool:
        """Start the process again when it has died and its pause is over; say so.

        Returns
        -------
        bool
            Whether it was started now.
        """
        if self.alive:
            return False
        now = time.monotonic()
        if not self.restart_at:
            self._bury()
            self.failures = 0 if now - self.started_at > STEADY_SECONDS else self.failures + 1
            pause = min(2 ** max(self.failures - 1, 0), LONGEST_PAUSE)
            self.restart_at = now + pause
            self.say(f"{self.service.name} {self.ending()}; starting it again in {pause} s (log: {self.log})")
        if now < self.restart_at:
            return False
        self.restart_at = 0
        self.start()
        return True

    def ending(self) -> str:
        """Say in words how the process ended."""
        status = self.process.returncode if self.process else None
        if status is None:
            return "never started"
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def ask_to_stop(self) -> None:
        """Ask the process to finish what it is doing and go."""
        if self.alive:
            self.process.terminate()

    def make_stop(self, until: float) -> bool:
        """Wait until the time ``until`` of the monotonic clock, then kill whatever is left of the group.

        Returns
        -------
        bool
            Whether it went by itself.
        """
        if self.process is None:
            return True
        try:
            self.process.wait(timeout=max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            graceful = False
        else:
            graceful = True
        self._bury()
        return graceful

    def tail(self, lines: int = 15) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-lines:])

    def _bury(self) -> None:
        """Kill the group: the children of a killed worker would go on analysing for nobody."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def rotate(log: Path) -> None:
    """Put a log that has grown large aside, keeping one earlier."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, however it dies.

    Nothing milder than SIGKILL will do: a program that tidies up when asked may wait for ever for a
    broker that died with the same parent. What it was doing is in the database under a lease.

    Parameters
    ----------
    parent
        The parent as known before this process was made: when it is gone already, this one ends here.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def give_memory_back() -> None:
    """Have every large block returned to the system as soon as it is freed (glibc; nothing elsewhere).

    glibc raises the size from which it does so to that of the largest block freed so far, 32 MiB at most:
    after the image of a large detector the worker would keep its memory under the explanation that follows.
    """
    mallopt = getattr(_libc, "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def resident_bytes() -> int:
    """Return the memory that this process and its children hold (Linux; 0 elsewhere).

    Pages that a child still shares with its parent count in both: what is said is never too little.
    """
    children = {
        int(child) for listed in Path("/proc/self/task").glob("*/children") for child in _read(listed).split()
    }
    return sum(_resident(pid) for pid in (os.getpid(), *children))


def _resident(pid: int) -> int:
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * resource.getpagesize() if fields else 0


def _read(path: Path) -> str:
    """Return what the kernel says in a file; empty when the process went away meanwhile."""
    try:
        return path.read_text("ascii")
    except OSError:
        return ""

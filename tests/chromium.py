"""How the browser tests start Chromium: the machine's own, and quiet."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.machine import chromium

QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Name the executable; as root, where CI runs, Chromium starts only without its sandbox."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    return {
        **browser_type_launch_args,
        "executable_path": str(chromium()),
        "args": [*QUIET, *sandbox],
    }

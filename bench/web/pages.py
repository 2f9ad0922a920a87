"""Ours: one worker of the web server, asked through WSGI as the server asks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.urls import reverse

from bench.measuring import Samples, cpu_ms, memory_mib
from bench.web import COOKIE
from clinic.wsgi import application

REQUESTS = 50


def measure(folder: Path, repeats: int) -> Samples:
    """Return resident memory after 1 and 50 requests, and CPU milliseconds per page."""
    worklist_address, profile_address = reverse("worklist"), reverse("profile")
    cookie = (folder / COOKIE).read_text("ascii")
    get(worklist_address, cookie)
    first = memory_mib("VmRSS")
    worklist = cpu_ms(lambda: get(worklist_address, cookie), REQUESTS // 2 - 1)
    profile = cpu_ms(lambda: get(profile_address, cookie), REQUESTS // 2)
    return {
        "after_1_mib": [first],
        "after_50_mib": [memory_mib("VmRSS")],
        "worklist_cpu_ms": worklist[5:],
        "profile_cpu_ms": profile[5:],
    }


def get(path: str, cookie: str) -> None:
    """Ask for a page; ``RuntimeError`` for anything but 200."""
    environ: dict[str, Any] = {"PATH_INFO": path, "HTTP_COOKIE": cookie, "HTTP_HOST": "localhost"}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    response = application(environ, lambda status, headers, exc_info=None: statuses.append(status))
    try:
        for _ in response:
            pass
    finally:
        response.close()
    if not statuses[0].startswith("200"):
        raise RuntimeError(f"{path} answered {statuses[0]}")

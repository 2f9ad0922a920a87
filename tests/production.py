"""An environment production starts with, and the product started under it."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.machine import ROOT

OURS = ("VIGIE_", "DATABASE_", "REDIS_", "DEMO_", "DJANGO_", "POSTGRES_")


def environment(folder: Path, **changes: str | None) -> dict[str, str]:
    """Return what a deployment on one machine gives; ``None`` takes a variable away."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = folder / "storage-key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(base64.b64encode(secrets.token_bytes(32)).decode(), "ascii")
    # As collectstatic leaves it, with nothing in it: pages link to the plain names.
    collected = folder / "static"
    collected.mkdir(exist_ok=True)
    (collected / "staticfiles.json").write_text('{"version": "1.1", "paths": {}, "hash": ""}', "ascii")
    outer = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    given: dict[str, str | None] = {
        "VIGIE_ENV": "production",
        "VIGIE_DATA_DIR": str(folder),
        "VIGIE_STATIC_DIR": str(collected),
        "VIGIE_SECRET_KEY": secrets.token_urlsafe(50),
        "VIGIE_STORAGE_KEY_FILE": str(key),
        "VIGIE_ALLOWED_HOSTS": "vigie.hospital.test",
        "VIGIE_TRUSTED_ORIGINS": "https://vigie.hospital.test",
        "VIGIE_ALLOW_SQLITE": "yes",
        "VIGIE_AUDIT_ANCHORS": f"file:{folder / 'anchors.jsonl'},syslog:tls://log.hospital.test",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    return outer | {name: value for name, value in (given | changes).items() if value is not None}


def started(folder: Path, command: Sequence[str], **changes: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command of the product to its end under production settings."""
    return subprocess.run(
        (sys.executable, *command),
        cwd=ROOT,
        env=environment(folder, **changes),
        capture_output=True,
        text=True,
        timeout=400,
    )

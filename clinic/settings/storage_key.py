"""Where the keys of stored files come from; what production refuses about them."""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from clinic.settings.demo_key import kept_key

NO_KEY = (
    "VIGIE_STORAGE_KEY_FILE is not set: uploaded studies would lie unencrypted on the disk. Make a key with "
    "openssl rand -base64 32, readable by its owner alone, and keep a copy of it apart from the backups"
)
DEMO = "demo-storage-key"
TWICE = "VIGIE_STORAGE_KEY_FILE and VIGIE_STORAGE_KEYS are both set; keep one of them"


def demo_file(folder: Path) -> Path:
    """Return the key file of a demo, made with the first file it keeps."""
    path = folder / DEMO
    kept_key(path, make=lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    return path


def refusal(keys: Sequence[str], path: Path | None) -> str:
    """Say why production does not start with these keys; empty when it may."""
    if keys and path:
        return TWICE
    if keys:
        return ""
    if path is None:
        return NO_KEY
    try:
        found = path.stat()
    except OSError as error:
        return f"VIGIE_STORAGE_KEY_FILE cannot be read: {error.strerror}"
    if not os.access(path, os.R_OK):
        return "VIGIE_STORAGE_KEY_FILE cannot be read by this process"
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"the storage key file can be read by other users of this machine: chmod 600 {path}"
    return ""

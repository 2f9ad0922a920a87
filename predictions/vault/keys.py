"""The keys that open stored files: from the environment or a file, the first encrypts, all decrypt."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from clinic.settings import storage_key

KEY_BYTES = 32
ID_BYTES = 8
READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Key:
    """A master key. It wraps the keys of files and never encrypts anything else."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """Eight bytes that name the key in the header of a file and tell nothing of it."""
        return hashlib.sha256(b"vigie storage key" + self.secret).digest()[:ID_BYTES]


@dataclass(frozen=True)
class Ring:
    """The keys of an installation, the one that encrypts first."""

    keys: tuple[Key, ...]

    @property
    def first(self) -> Key:
        """The key that encrypts."""
        return self.keys[0]

    def find(self, key_id: bytes) -> Key | None:
        """Return the key of that id; ``None`` when it is not here."""
        return next((key for key in self.keys if key.id == key_id), None)


def there() -> bool:
    """Say whether keys were set or lie in their file; unlike :func:`ring` it makes none for a demo."""
    return bool(settings.STORAGE_KEYS) or Path(settings.STORAGE_KEY_FILE).exists()


def made() -> str:
    """Return a new random key as it is written down: 32 bytes in Base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse(lines: list[str]) -> Ring:
    """Read keys, one in each line; empty lines and those that begin with ``#`` are skipped.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        When there is none, one stands twice, or one is not 32 bytes in Base64. The message names the place,
        never the key.
    """
    found: list[Key] = []
    for number, line in enumerate(lines, start=1):
        written = line.strip()
        if not written or written.startswith("#"):
            continue
        try:
            secret = base64.b64decode(written, validate=True)
        except binascii.Error:
            secret = b""
        if len(secret) != KEY_BYTES:
            raise ImproperlyConfigured(
                f"storage key {number} is not {KEY_BYTES} bytes in Base64; "
                "make one with: openssl rand -base64 32"
            )
        found.append(Key(secret))
    if not found:
        raise ImproperlyConfigured("there is no storage key")
    if len({key.id for key in found}) < len(found):
        raise ImproperlyConfigured("a storage key is written down twice")
    return Ring(tuple(found))


def ring() -> Ring:
    """Return the keys as they are now: a key file is read again once it was replaced, a demo makes its own.

    Raises
    ------
    django.core.exceptions.ImproperlyConfigured
        When no key was set, or the key file cannot be read.
    """
    if settings.STORAGE_KEYS:
        return parse(list(settings.STORAGE_KEYS))
    path = Path(settings.STORAGE_KEY_FILE)
    if settings.DEMO_STORAGE_KEY and path == settings.DATA_DIR / storage_key.DEMO:
        storage_key.demo_file(settings.DATA_DIR)
    try:
        found = path.stat()
        return _read(path, (found.st_ino, found.st_mtime_ns, found.st_size))
    except OSError as error:
        raise ImproperlyConfigured(f"the storage key file cannot be read: {error.strerror}") from error


@lru_cache(maxsize=4)
def _read(path: Path, _state: tuple[int, int, int]) -> Ring:
    return parse(path.read_text("ascii").splitlines())


def readable_by_others(path: Path) -> bool:
    """Whether anybody but its owner may read or change the key file."""
    return bool(path.stat().st_mode & READABLE_BY_OTHERS)


def rewrite(path: Path, written: list[str]) -> None:
    """Replace a key file, whole or not at all, readable by its owner only."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write("\n".join(written) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)

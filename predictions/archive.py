"""A ZIP written piece by piece into private storage, with a manifest of what it holds."""

from __future__ import annotations

import hashlib
import json
import zipfile
from types import TracebackType
from typing import Any, BinaryIO, Self

from django.core.serializers.json import DjangoJSONEncoder

from predictions.storage import CHUNK_BYTES, Received, storage
from predictions.vault.damage import Damaged

MANIFEST = "manifest.json"
# A moment in each entry would tell when something was written.
NO_DATE = (1980, 1, 1, 0, 0, 0)


class _Target:
    """What a ZIP is written to: only forwards."""

    def __init__(self, received: Received | BinaryIO) -> None:
        self._received: Received | BinaryIO | None = received

    def write(self, content: bytes) -> int:
        if self._received is not None:
            self._received.write(content)
        return len(content)

    def let_go(self) -> None:
        """Write no more: what is written is thrown away, and its owner closes what it was written to."""
        self._received = None

    def flush(self) -> None:
        """Nothing to flush: what is received is flushed when it is moved into place."""


class Archive:
    """Entries one after the other; the manifest with the size and hash of each closes it.

    Parameters
    ----------
    about
        What else the manifest says; ``format`` names its version.
    """

    def __init__(self, target: Received | BinaryIO, about: dict[str, Any]) -> None:
        self._target = _Target(target)
        self._zip = zipfile.ZipFile(self._target, "w", allowZip64=True)
        self.about = about
        self._entries: list[dict[str, Any]] = []
        self._missing: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close with the manifest, unless writing failed."""
        if kind is not None:
            # A ZIP left open writes its end when it is collected, to a file that is closed by then.
            self._target.let_go()
            self._zip.close()
        else:
            shown = self.about | {"files": self._entries, "missing": self._missing}
            with self._zip.open(_entry(MANIFEST), "w") as entry:
                entry.write(_json(shown))
            self._zip.close()

    def put(self, name: str, content: Any) -> None:
        """Add something that JSON can hold."""
        self.write(name, _json(content))

    def write(self, name: str, content: bytes, **said: Any) -> None:
        """Add bytes, with whatever the manifest shall say of them."""
        with self.entry(name, **said) as entry:
            entry.write(content)

    def copy(self, name: str, stored_name: str) -> bool:
        """Add a stored file; one that does not open is named as missing, and the rest goes on."""
        try:
            storage.verify(stored_name)
        except Damaged as error:
            self._missing.append({"name": name, "code": error.problems[0].code})
            return False
        with storage.open(stored_name) as stream, self.entry(name) as entry:
            while chunk := stream.read(CHUNK_BYTES):
                entry.write(chunk)
        return True

    def left_out(self, name: str, code: str) -> None:
        """Say in the manifest that something is not here, and why."""
        self._missing.append({"name": name, "code": code})

    def entry(self, name: str, **said: Any) -> _Entry:
        """Open an entry for writing; only one at a time."""
        return _Entry(self._zip.open(_entry(name), "w", force_zip64=True), self._entries, name, said)


class _Entry:
    """One entry while it is written, hashed on the way."""

    def __init__(self, stream: Any, entries: list[dict[str, Any]], name: str, said: dict[str, Any]) -> None:
        self._stream, self._entries, self._name = stream, entries, name
        self.said = said
        self._digest = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        if kind is None:
            said = {"name": self._name, "size": self._size, "sha256": self._digest.hexdigest()}
            self._entries.append(said | self.said)

    def write(self, content: bytes) -> int:
        """Add bytes."""
        self._digest.update(content)
        self._size += len(content)
        self._stream.write(content)
        return len(content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, NO_DATE)
    # Pictures are compressed already, and of gigabytes of samples a third is not worth the wait.
    entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
    entry.external_attr = 0o600 << 16
    return entry


def _json(content: Any) -> bytes:
    return json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1).encode()

"""Changing keys and encrypting what an earlier version left in the clear, while the product runs."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from predictions.models import Document, StoredArtefact, StudyFile
from predictions.storage import CHUNK_BYTES, incoming, storage
from predictions.sweep import REFERENCES, named
from predictions.vault import container
from predictions.vault.damage import MISSING, NOT_ENCRYPTED, Damaged
from predictions.vault.fitting import stored
from predictions.vault.keys import Key, Ring

# Every column that names a file of one study, and the way to it.
OF_STUDIES = (
    (StudyFile, "name", "study_id"),
    (StoredArtefact, "stored_name", "prediction__study_id"),
    (Document, "stored_name", "study_id"),
)
NO_OWNER = "of no study"


@dataclass
class Outcome:
    """What became of the files: numbers, and the names of those that need somebody.

    Foreign is what is no file of ours and that no row refers to: it was laid there by somebody.
    """

    done: int = 0
    already: int = 0
    gone: int = 0
    damaged: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plain:
    """A file that some row refers to, as it was when it came in."""

    name: str
    size: int
    sha256: str


def owners() -> dict[str, str]:
    """Return in words whose each file is that a row refers to."""
    found = dict.fromkeys(named(), NO_OWNER)
    for model, column, study in OF_STUDIES:
        rows = model.objects.exclude(**{column: ""}).values_list(column, study)
        found |= {name: f"study {key}" for name, key in rows}
    return found


def verify(told: Callable[[Outcome], None]) -> Outcome:
    """Decrypt every file that a row refers to; nothing is written and nothing of it given out.

    Of damaged ones the outcome names the study too, and what is wrong. Gone are the files of rows that went
    meanwhile.
    """
    outcome = Outcome()
    for name, owner in sorted(owners().items()):
        try:
            storage.verify(name)
            outcome.done += 1
        except Damaged as error:
            if MISSING in error.problems and name not in named():
                outcome.gone += 1
            else:
                outcome.damaged.append(f"{name} ({owner}): {error.problems[0].code}")
        told(outcome)
    return outcome


def referred() -> Iterator[Plain]:
    """Return every file that a row refers to by its hash: tables without are younger than encryption."""
    hashed = [one for one in REFERENCES if any(field.name == "sha256" for field in one[0]._meta.fields)]
    for model, column in hashed:
        for name, size, sha256 in model.objects.exclude(**{column: ""}).values_list(column, "size", "sha256"):
            yield Plain(name, size, sha256)


def rewrap(ring: Ring, told: Callable[[Outcome], None]) -> Outcome:
    """Wrap the key of every file for the first master key alone: headers only, resumable, safe to repeat."""
    return _each(told, lambda path, name: _rewrapped(path, name, ring))


def reencrypt(ring: Ring, told: Callable[[Outcome], None]) -> Outcome:
    """Encrypt every file anew that is not under the first master key alone; what is, was done before."""
    return _each(told, lambda path, name: _reencrypted(path, name, ring))


def _each(told: Callable[[Outcome], None], work: Callable[[Path, str], bool]) -> Outcome:
    outcome = Outcome()
    for name in stored():
        try:
            if work(Path(settings.PRIVATE_ROOT) / name, name):
                outcome.done += 1
            else:
                outcome.already += 1
        except FileNotFoundError:
            outcome.gone += 1  # discarded meanwhile
        except Damaged as error:
            foreign = NOT_ENCRYPTED in error.problems and name not in named()
            (outcome.foreign if foreign else outcome.damaged).append(name)
        told(outcome)
    return outcome


def _rewrapped(path: Path, name: str, ring: Ring) -> bool:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return container.rewrap(descriptor, name, ring)
    finally:
        os.close(descriptor)


def _reencrypted(path: Path, name: str, ring: Ring) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with open(descriptor, "rb") as stream:
        if container.key_ids(stream.fileno()) == {ring.first.id}:
            return False
        with container.opened(os.dup(stream.fileno()), name, lambda: ring) as plain:
            _replace(plain, path, name, ring.first)
    return True


def key_ids() -> set[bytes]:
    """Return the ids of all master keys that some file still needs."""
    found: set[bytes] = set()
    for name in stored():
        try:
            with (Path(settings.PRIVATE_ROOT) / name).open("rb") as stream:
                found |= container.key_ids(stream.fileno())
        except (FileNotFoundError, Damaged):
            continue
    return found


def encrypt(ring: Ring, told: Callable[[Outcome], None]) -> Outcome:
    """Encrypt the files of an installation that kept them in the clear.

    Only what a row refers to and what has the size and hash noted there is taken: a file that somebody laid
    there, or changed, is named and left as it is.
    """
    outcome = Outcome()
    for plain in referred():
        path = Path(settings.PRIVATE_ROOT) / plain.name
        try:
            with path.open("rb") as stream:
                if stream.read(len(container.MAGIC)) == container.MAGIC:
                    outcome.already += 1
                elif not _unchanged(stream, plain):
                    outcome.damaged.append(plain.name)
                else:
                    stream.seek(0)
                    _replace(stream, path, plain.name, ring.first)
                    outcome.done += 1
        except FileNotFoundError:
            outcome.gone += 1
        told(outcome)
    return outcome


def _unchanged(stream: BinaryIO, plain: Plain) -> bool:
    stream.seek(0)
    if os.fstat(stream.fileno()).st_size != plain.size:
        return False
    return hashlib.file_digest(stream, "sha256").hexdigest() == plain.sha256


def _replace(source: BinaryIO, path: Path, name: str, key: Key) -> None:
    """Write what ``source`` holds anew and put it in the place of ``path``, whole or not at all."""
    descriptor, draft = tempfile.mkstemp(dir=incoming(), suffix=".part")
    try:
        with os.fdopen(descriptor, "w+b") as stream:
            writer = container.Writer(stream)
            while piece := source.read(CHUNK_BYTES):
                writer.write(piece)
            writer.finish(name, key)
            stream.flush()
            os.fsync(stream.fileno())
        os.stat(path)  # discarded meanwhile: it does not come back
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)

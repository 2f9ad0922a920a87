"""Private files: streamed to disk, hashed on the way, kept under names that say nothing.

Uploads arrive in ``incoming/`` and are renamed into place only when the study they belong to is accepted;
whatever else happens (refusal, error, a browser that goes away) they vanish. Nothing here has a web address.
Everything below ``PRIVATE_ROOT`` is encrypted (``vault``), what is still arriving under a key that only the
receiving process knows. Callers read through :meth:`PrivateStorage.open`, a seekable stream, or borrow a path
from :meth:`PrivateStorage.local`, whose plaintext has no name on any disk.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import time
import uuid
import weakref
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, RequestDataTooBig
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.deconstruct import deconstructible

from ml import registry
from ml.contracts import Problem, Text
from ml.registry import UnknownAlgorithm
from predictions.vault import container, fitting, keys
from predictions.vault.container import Reader
from predictions.vault.damage import MISSING, NO_KEY, NO_KEY_TO_KEEP, WRONG_KEY_TO_KEEP, Damaged
from predictions.vault.fitting import Unfitting

View = TypeVar("View", bound=Callable[..., Any])

HEAD_BYTES = 4096
CHECKED_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
SLACK_BYTES = 4 * CHUNK_BYTES
MEBIBYTE = 1 << 20
ABANDONED_SECONDS = 24 * 3600

TOO_LARGE = Text(
    "The file is larger than the {en} allowed here. Check that it is the right file.",
    "Le fichier dépasse les {fr} admis ici. Vérifiez que c’est le bon fichier.",
)
TOGETHER = "files_too_large"
TOO_LARGE_TOGETHER = Text(
    "The files together are larger than the {en} that one study may bring. Send fewer of them.",
    "Les fichiers dépassent ensemble les {fr} qu’une étude peut apporter. Envoyez-en moins.",
)
NO_ROOM_TO_READ = Problem(
    "no_room_to_read",
    Text(
        "There is no room left to open a stored file for reading. Tell IT that the disk is full, then retry.",
        "Il n’y a plus de place pour ouvrir un fichier conservé. Signalez au service informatique que le "
        "disque est plein, puis relancez.",
    ),
)
NOT_SIGNED_IN = Text("Log in before sending a file.", "Connectez-vous avant d’envoyer un fichier.")


@deconstructible
class PrivateStorage(FileSystemStorage):
    """Files below ``PRIVATE_ROOT``, readable by this process's user only, without any URL."""

    def __init__(self) -> None:
        super().__init__(file_permissions_mode=0o600, directory_permissions_mode=0o700)

    @property
    def base_location(self) -> Path:
        """The folder set now: tests move it."""
        return settings.PRIVATE_ROOT

    @property
    def location(self) -> str:
        """The same, absolute."""
        return os.path.abspath(self.base_location)

    def url(self, name: str | None) -> str:
        """Refuse: a private file is only given out by a view that knows who asks."""
        raise ValueError("a private file has no URL; serve it through a view that checks who asks")

    def _open(self, name: str, mode: str = "rb") -> File:
        """Open a file for reading its plaintext; nothing is ever changed in place.

        Raises
        ------
        predictions.vault.damage.Damaged
            When it is not there, or not what was stored; also later, from a read of the damaged place.
        """
        if mode != "rb":
            raise ValueError("a private file is written once: receive and adopt another one")
        return File(self.reader(name), name=name)

    def reader(self, name: str) -> Reader:
        """Return the plaintext as a seekable stream; see :meth:`_open`."""
        try:
            descriptor = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise Damaged(MISSING) from error
        try:
            return container.opened(descriptor, name, keys.ring)
        except ImproperlyConfigured as error:
            raise Damaged(NO_KEY) from error

    def _save(self, name: str, content: File) -> str:
        """Keep a file under a name of its caller, encrypted as any other."""
        received = receive(content, limit=content.size)
        _private_folder(Path(self.path(name)).parent)
        received.move_to(Path(self.path(name)), name)
        return name

    def size(self, name: str) -> int:
        """Return the bytes of plaintext."""
        with self.reader(name) as stream:
            return stream.size

    def verify(self, name: str) -> None:
        """Read a file through; raise :class:`Damaged` unless all of it is authentic."""
        with self.reader(name) as stream:
            while stream.read1():
                pass

    def checked(self, name: str) -> File:
        """Open a file that is to be sent, after a look that tells a damage while it can still be said.

        Up to :data:`CHECKED_BYTES` all of it is authentic before the first byte goes; of a larger one the
        beginning is, and it breaks off at a damaged place.

        Raises
        ------
        predictions.vault.damage.Damaged
            When it does not open, or is not what was stored.
        """
        stream = self.reader(name)
        try:
            if stream.size <= CHECKED_BYTES:
                self.verify(name)
            stream.read1()
            stream.seek(0)
        except Damaged:
            stream.close()
            raise
        return File(stream, name=name)

    def damage(self, names: Iterable[str]) -> list[Problem]:
        """Return, each once, what is wrong with files as far as their headers and a single chunk tell.

        A large file may still be damaged further in: whoever reads there is told then.
        """
        found: dict[str, Problem] = {}
        for name in names:
            try:
                with self.reader(name) as stream:
                    if stream.size <= CHUNK_BYTES:
                        stream.read1()
            except Damaged as error:
                found |= {problem.code: problem for problem in error.problems}
        return list(found.values())

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """Lend the plaintext as a path for as long as the block runs.

        The path names a file that is open and has no name: it is gone with the block or the process.
        """
        with self.reader(name) as stream, borrowed(stream) as path:
            yield path

    def adopt(self, received: Received, folder: str) -> str:
        """Move a received file into place, durably, and return its generated name."""
        key = uuid.uuid4().hex
        name = f"{folder}/{key[:2]}/{key}"
        target = Path(self.path(name))
        _private_folder(target.parent)
        received.move_to(target, name)
        return name

    def discard(self, name: str) -> None:
        """Remove a file that nothing refers to any more."""
        Path(self.path(name)).unlink(missing_ok=True)

    def sweep(self, kept: Container[str]) -> int:
        """Remove what killed processes left behind a day ago; return how many files.

        Parameters
        ----------
        kept
            Names that something refers to; a file moved into place whose transaction never committed is
            not among them.
        """
        limit = time.time() - ABANDONED_SECONDS
        root = Path(self.location)
        files = [path for path in root.rglob("*") if path.is_file() and path.stat().st_mtime < limit]
        lost = [path for path in files if str(path.relative_to(root)) not in kept]
        for path in lost:
            path.unlink(missing_ok=True)
        return len(lost)


storage = PrivateStorage()


def incoming() -> Path:
    """Return the folder of files still being received, on the file system of the final ones."""
    folder = Path(settings.PRIVATE_ROOT) / "incoming"
    return _private_folder(folder)


def _private_folder(folder: Path) -> Path:
    """Make a folder below ``PRIVATE_ROOT`` that only this user can enter, with every folder on the way.

    ``mkdir(parents=True)`` would give its mode to the last one alone and leave the root open to others.
    """
    root = Path(settings.PRIVATE_ROOT)
    ours = [part for part in (folder, *folder.parents) if part == root or root in part.parents]
    for part in reversed(ours):
        part.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def borrowed(stream: Reader) -> Iterator[Path]:
    """Lend what a stream holds as a path in the scratch folder whose file has no name."""
    with os.fdopen(_nameless(), "wb") as plain:
        try:
            while piece := stream.read1():
                plain.write(piece)
            plain.flush()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise Damaged(NO_ROOM_TO_READ) from error
        yield Path(f"/proc/self/fd/{plain.fileno()}")


def _nameless() -> int:
    """Open a file in the scratch folder that no folder lists, not even after a crash."""
    folder = Path(settings.SCRATCH_ROOT or Path(settings.PRIVATE_ROOT) / "scratch")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
            raise
    # Not every file system knows nameless files: there the name lives for an instant.
    descriptor, path = tempfile.mkstemp(dir=folder)
    os.unlink(path)
    return descriptor


class Received:
    """A file on its way in. Gone from the disk when closed or forgotten, unless it was moved into place.

    Until then its key is in memory alone: what a killed process leaves behind nobody can read.

    Attributes
    ----------
    size : int
        Bytes received so far, counted on when they are no longer kept.
    head : bytes
        The first 4 KiB.
    problem : Problem or None
        Why it will not be accepted, whoever asks.
    """

    def __init__(self, *, limit: int) -> None:
        descriptor, path = tempfile.mkstemp(dir=incoming(), suffix=".part")
        self.path = Path(path)
        self.size = 0
        self.head = b""
        self.problem: Problem | None = None
        self._limit = limit
        self._digest = hashlib.sha256()
        self._stream = os.fdopen(descriptor, "w+b")
        self._sealed = container.Writer(self._stream)
        self._vanish = weakref.finalize(self, self.path.unlink, missing_ok=True)

    @property
    def sha256(self) -> str:
        """Hash of the bytes received."""
        return self._digest.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Keep a chunk; past the limit nothing is kept any more, and the problem says so."""
        self.size += len(chunk)
        if self.problem:
            return
        if self.size > self._limit:
            self.refuse(too_large(self._limit))
            return
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]
        self._digest.update(chunk)
        self._sealed.write(chunk)

    def refuse(self, problem: Problem) -> None:
        """Keep nothing of it, and say why."""
        self.problem = problem
        self._sealed.drop()

    def reader(self) -> Reader:
        """Return everything received so far as a seekable stream, for a look before it is accepted."""
        return self._sealed.reader()

    @contextmanager
    def local(self) -> Iterator[Path]:
        """Lend everything received so far as a path; see :meth:`PrivateStorage.local`."""
        with self.reader() as stream, borrowed(stream) as path:
            yield path

    def move_to(self, target: Path, name: str) -> None:
        """Seal it under its name, flush to disk and rename, so that a power cut leaves all of it or none."""
        try:
            ring = keys.ring()
            fitting.require(ring)
        except ImproperlyConfigured as error:
            raise Damaged(NO_KEY_TO_KEEP) from error
        except Unfitting as error:
            raise Damaged(WRONG_KEY_TO_KEEP) from error
        self._sealed.finish(name, ring.first)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        os.replace(self.path, target)
        self._vanish.detach()
        _sync_folder(target.parent)

    def close(self) -> None:
        """Remove it unless it was moved into place."""
        self._stream.close()
        self._vanish()


def too_large(limit: int) -> Problem:
    """Return the problem of a file above ``limit`` bytes."""
    return Problem("file_too_large", _limited(TOO_LARGE, limit))


def too_large_together(limit: int) -> Problem:
    """Return the problem of several files that are together above ``limit`` bytes."""
    return Problem(TOGETHER, _limited(TOO_LARGE_TOGETHER, limit), field="file")


def _limited(sentence: Text, limit: int) -> Text:
    count, en, fr = (limit // MEBIBYTE, "MiB", "Mio") if limit >= MEBIBYTE else (limit // 1024, "kB", "ko")
    return sentence.format(en=f"{count} {en}", fr=f"{count}\u00a0{fr}")


def receive(file: File, *, limit: int) -> Received:
    """Stream any file object of ours (a command's, a test's) the way an upload is streamed."""
    received = Received(limit=limit)
    for chunk in file.chunks(CHUNK_BYTES):
        received.write(chunk)
    return received


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StreamedUpload(UploadedFile):
    """What a view finds in ``request.FILES``: the received file and what the browser called it."""

    def __init__(self, received: Received, name: str, content_type: str) -> None:
        super().__init__(file=None, name=name, content_type=content_type, size=received.size)
        self.received = received

    def close(self) -> None:
        """Remove the file unless it was accepted; Django calls this at the end of the request."""
        self.received.close()


class StreamingUploadHandler(FileUploadHandler):
    """Streams each uploaded file to private disk and hashes it, up to the largest file of the algorithm.

    The algorithm is the one in the address (``<algorithm>``), or the most generous where it names none.
    A body announced longer than that is not read at all; one that only turns out longer is read to its end
    without being kept, so that the browser gets to see the sentence.
    """

    chunk_size = CHUNK_BYTES

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],
        content_length: int,
        boundary: bytes,
        encoding: str | None = None,
    ) -> None:
        """Look at the announced length before a byte of the body is read."""
        self.limit, self.together = upload_limits(self.request)
        self.received = 0
        if content_length > largest_upload() + SLACK_BYTES:
            raise RequestDataTooBig(too_large(self.limit).message.en)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open the incoming file; nothing is kept from a stranger."""
        super().new_file(*args, **kwargs)
        self.file = Received(limit=self.limit)
        user = getattr(self.request, "user", None)
        if user is None or not user.is_authenticated:
            self.file.problem = Problem("not_signed_in", NOT_SIGNED_IN)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep one chunk; no other handler gets to see it."""
        self.received += len(raw_data)
        self.file.write(raw_data)
        if self.received > self.together and not self.file.problem:
            self.file.refuse(too_large_together(self.together))

    def file_complete(self, file_size: int) -> StreamedUpload:
        """Hand the file to the view."""
        return StreamedUpload(self.file, self.file_name, self.content_type)

    def upload_interrupted(self) -> None:
        """Drop the file of a browser that went away."""
        self.file.close()


def largest_upload() -> int:
    """Return the most bytes that a study of any algorithm sends."""
    return max(contract.limits.request_bytes for contract in registry.contracts(clinical=True))


def takes(limit: int) -> Callable[[View], View]:
    """Mark a view that takes files of at most ``limit`` bytes, whatever its algorithm takes elsewhere."""

    def mark(view: View) -> View:
        view.upload_bytes = limit
        return view

    return mark


def upload_limits(request: Any) -> tuple[int, int]:
    """Return the largest file that the address asked for takes, and the most of all files, in bytes."""
    match = getattr(request, "resolver_match", None)
    if own := getattr(match and match.func, "upload_bytes", 0):
        return own, own
    name = match.kwargs.get("algorithm", "") if match else ""
    try:
        limits = registry.contract(name).limits
    except UnknownAlgorithm:
        return largest_upload(), largest_upload()
    return limits.upload_bytes, limits.request_bytes

"""What comes out of a ZIP file: its files, one by one, into private storage; and what never does.

Names are shown and never used as paths. Sizes are counted as they unpack, whatever the archive says of them.
What is wrong with one file is said of that file; what is wrong with the archive stops all of it.
"""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from ml.contracts import Problem, Refused, Text
from predictions.storage import MEBIBYTE, Received

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
ARCHIVE_MAGIC = (
    *ZIP_MAGIC,
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"MSCF",
    b"BZh",
    b"\xfd7zXZ",
)
MOST_MEMBERS = 2000
MOST_UNPACKED = 4096 * MEBIBYTE
# Of the directory at the end, which a reader holds in memory whole: a few hundred bytes a file.
LARGEST_DIRECTORY = 4 * MEBIBYTE
# Deflate gives 1030 at most; images and recordings that are worth anything give far less.
HIGHEST_RATIO, FREE_BYTES = 200, MEBIBYTE
PIECE = 1 << 16
LONGEST_NAME = 255
# What systems put into an archive beside what was chosen.
CLUTTER = ("__MACOSX",)
CLUTTER_NAMES = ("thumbs.db", "desktop.ini")
ENCRYPTED, UTF8 = 0x1, 0x800


def _problem(code: str, en: str, fr: str) -> Problem:
    return Problem(code, Text(en, fr))


NOT_A_ZIP = _problem(
    "zip_damaged",
    "The archive is damaged or incomplete and cannot be opened. Make it again.",
    "L’archive est abîmée ou incomplète et ne s’ouvre pas. Refaites-la.",
)
TOO_MANY = _problem(
    "zip_too_many",
    f"The archive holds more than {MOST_MEMBERS} files. Send it in several parts.",
    f"L’archive contient plus de {MOST_MEMBERS} fichiers. Envoyez-la en plusieurs parties.",
)
TOO_MUCH = _problem(
    "zip_too_large",
    f"Unpacked, the archive is larger than {MOST_UNPACKED // MEBIBYTE // 1024} GiB. Send it in parts.",
    f"Décompressée, l’archive dépasse {MOST_UNPACKED // MEBIBYTE // 1024} Gio. Envoyez-la en plusieurs "
    "parties.",
)
BOMB = _problem(
    "zip_bomb",
    "This file unpacks to far more than any image or recording does. It was not read; send the original.",
    "Une fois décompressé, ce fichier est sans commune mesure avec une image ou un enregistrement. Il n’a "
    "pas été lu ; envoyez l’original.",
)
NESTED = _problem(
    "zip_nested",
    "This is an archive within the archive. Unpack it, then send its files.",
    "C’est une archive dans l’archive. Décompressez-la, puis envoyez ses fichiers.",
)
LINK = _problem(
    "zip_link",
    "This is a link to a file and not a file. Send the file itself.",
    "C’est un lien vers un fichier, et non un fichier. Envoyez le fichier lui-même.",
)
LEADS_OUT = _problem(
    "zip_path",
    "The name of this file leads out of the archive. It was not read; make the archive again.",
    "Le nom de ce fichier mène hors de l’archive. Il n’a pas été lu ; refaites l’archive.",
)
NAMELESS = _problem(
    "zip_no_name",
    "This file has no name in the archive. It was not read; make the archive again.",
    "Ce fichier n’a pas de nom dans l’archive. Il n’a pas été lu ; refaites l’archive.",
)
LOCKED = _problem(
    "zip_encrypted",
    "This file is protected by a password. Make the archive without one; it is encrypted here anyway.",
    "Ce fichier est protégé par un mot de passe. Refaites l’archive sans ; elle est de toute façon chiffrée "
    "ici.",
)
METHOD = _problem(
    "zip_method",
    "This file is packed by a method that is not read here. Make an ordinary ZIP archive.",
    "Ce fichier est compressé selon une méthode qui n’est pas lue ici. Faites une archive ZIP ordinaire.",
)
DAMAGED = _problem(
    "zip_member_damaged",
    "This file is damaged within the archive: its checksum is wrong or it breaks off. Make a new archive.",
    "Ce fichier est abîmé dans l’archive : somme de contrôle fausse, ou fin manquante. Refaites l’archive.",
)


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive.

    Parameters
    ----------
    received
        What it holds, encrypted, on its way in; ``None`` when it was not read.
    problem
        Why not.
    """

    name: str
    received: Received | None
    problem: Problem | None = None


def is_zip(head: bytes) -> bool:
    """Whether a file begins as a ZIP archive does."""
    return head.startswith(ZIP_MAGIC)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that opens, looked at as a whole.

    Parameters
    ----------
    left_out
        How many of its files are no input of anybody's.
    """

    zipped: zipfile.ZipFile
    files: tuple[zipfile.ZipInfo, ...]
    left_out: int

    def members(self, *, limit: int) -> Iterator[Member]:
        """Yield the files in their order, each received, and closed before the next is looked at.

        Parameters
        ----------
        limit
            Bytes of one file at most.

        Raises
        ------
        ml.contracts.Refused
            When all of them together are more than is read here.
        """
        left = MOST_UNPACKED
        for info in self.files:
            received = Received(limit=limit)
            try:
                problem = _refusal(info) or _unpacked(self.zipped, info, received, left)
                # What a refused file unpacked to counts too: a thousand of them take as long as others.
                left -= received.size
                yield Member(name_of(info), None if problem else received, problem)
            finally:
                received.close()


def opened(stream: BinaryIO) -> Archive:
    """Open an archive from a seekable stream.

    Raises
    ------
    ml.contracts.Refused
        When it is none, or holds more files than are read here.
    """
    try:
        zipped = zipfile.ZipFile(_Guarded(stream))
    except (zipfile.BadZipFile, NotImplementedError, _Outside, ValueError, struct.error) as error:
        raise Refused(NOT_A_ZIP) from error
    listed = zipped.infolist()
    files = tuple(info for info in listed if not _is_left_out(info))
    if len(files) > MOST_MEMBERS:
        raise Refused(TOO_MANY)
    return Archive(zipped, files, sum(is_clutter(info.filename) and not _is_folder(info) for info in listed))


class _Outside(OSError):
    """A place before the beginning of a stream, or farther than any can be."""


UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    _Outside,
    NotImplementedError,
    ValueError,
    RuntimeError,
)


class _Guarded:
    """A stream out of which nobody takes a whole directory into memory that is too large for it.

    The reader itself decides which of the sizes in an archive it believes, and it asks for that many bytes at
    once: so the limit holds for what it reads, whatever the archive says elsewhere.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.tell = stream.tell

    def seekable(self) -> bool:
        """Return true: what was sent is stored already."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; before the beginning it is an :class:`OSError`, as of a file, and readers know that."""
        try:
            return self._stream.seek(offset, whence)
        except (ValueError, OverflowError) as error:
            raise _Outside(str(error)) from error

    def read(self, size: int = -1) -> bytes:
        """Read; :class:`Refused` when it is more than a directory may have."""
        if size > LARGEST_DIRECTORY:
            raise Refused(TOO_MANY)
        return self._stream.read(size)


def name_of(info: zipfile.ZipInfo) -> str:
    """Return the name of a file as people read it: whatever wrote it, and printable."""
    name = info.filename
    if not info.flag_bits & UTF8:
        name = _decoded(name)
    composed = unicodedata.normalize("NFC", name)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in composed)[-LONGEST_NAME:]


def _decoded(name: str) -> str:
    """Read a name again that the archive gives in no stated encoding: macOS writes UTF-8, Windows CP850."""
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp850")


def is_clutter(name: str) -> bool:
    """Whether a file is one that a system put beside what was chosen: hidden, or a list of pictures."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    last = parts[-1] if parts else ""
    hidden = last.startswith(".") and last not in (".", "..")
    return hidden or last.casefold() in CLUTTER_NAMES or bool(parts and parts[0] in CLUTTER)


def _is_left_out(info: zipfile.ZipInfo) -> bool:
    return _is_folder(info) or is_clutter(info.filename)


def _is_folder(info: zipfile.ZipInfo) -> bool:
    # Its own is_dir() stumbles over an empty name.
    return info.filename.endswith("/")


def _refusal(info: zipfile.ZipInfo) -> Problem | None:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if stat.S_ISLNK(info.external_attr >> 16):
        return LINK
    if not path.parts:
        return NAMELESS
    if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
        return LEADS_OUT
    if info.flag_bits & ENCRYPTED:
        return LOCKED
    return None if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else METHOD


def _unpacked(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, received: Received, left: int
) -> Problem | None:
    """Unpack one file as far as it may go; return why it is not taken."""
    packed = max(1, info.compress_size)
    try:
        with archive.open(info) as member:
            while piece := member.read(PIECE):
                received.write(piece)
                if received.size > left:
                    raise Refused(TOO_MUCH)
                if received.problem:
                    return received.problem
                if received.size > FREE_BYTES and received.size > HIGHEST_RATIO * packed:
                    return BOMB
    except UNREADABLE:
        return DAMAGED
    return NESTED if received.head.startswith(ARCHIVE_MAGIC) else None

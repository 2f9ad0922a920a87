"""An encrypted file: chunks that are authentic each and together, read from any place.

Layout of version 1, numbers big-endian::

    0    8  magic "VIGIEVLT"
    8    1  version 1        9   1  cipher 1: AES-256-GCM      10  1  chunk exponent, 20: 1 MiB
    11   5  zero
    16  16  file id, random
    32   7  nonce prefix, random; 39  1  zero
    40   8  size of the plaintext
    48  80  first key slot   128 80  second key slot           208 48  zero
    256     chunks: ciphertext of 1 MiB (the last one shorter) and its tag of 16 bytes

Every file has a random key of its own. A chunk's nonce is prefix, number of the chunk and whether it is the
last one (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015), its associated data are
the bytes 0 to 40: a chunk that is changed, moved, repeated, left out or taken from another file is not
authentic. A key slot holds the file's key wrapped by a master key, bound to bytes 0 to 48 and to the name
the file is stored under: a file that is cut, grown or put in the place of another one does not open.
Two slots, so that a change of master key writes the new one beside the old one before that is wiped:
whatever stops it in between, one of them opens the file.
"""

from __future__ import annotations

import io
import os
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from predictions.vault.damage import DAMAGED, NO_KEY, NOT_ENCRYPTED, Damaged
from predictions.vault.keys import ID_BYTES, KEY_BYTES, Key, Ring

MAGIC = b"VIGIEVLT"
VERSION = 1
AES_256_GCM = 1
CHUNK_EXPONENT = 20
CHUNK_BYTES = 1 << CHUNK_EXPONENT
TAG_BYTES = 16
PREFIX_BYTES = 7
NONCE_BYTES = 12
IDENTITY_BYTES = 40
FIXED_BYTES = 48
SLOT_BYTES = 80
SLOTS = (FIXED_BYTES, FIXED_BYTES + SLOT_BYTES)
HEADER_BYTES = 256
_FIXED = struct.Struct(">8sBBB5x16s7sxQ")
_COUNTER = struct.Struct(">IB")
_READ_AGAIN = 3


@dataclass(frozen=True)
class Fixed:
    """The part of a header that never changes.

    Parameters
    ----------
    size
        Bytes of plaintext.
    """

    file_id: bytes
    prefix: bytes
    size: int

    @property
    def chunks(self) -> int:
        """How many chunks there are; an empty file has one."""
        return max(1, -(-self.size // CHUNK_BYTES))

    @property
    def stored_bytes(self) -> int:
        """Size of the whole encrypted file."""
        return HEADER_BYTES + self.size + TAG_BYTES * self.chunks

    def pack(self) -> bytes:
        """Write it as it stands in the file."""
        return _FIXED.pack(MAGIC, VERSION, AES_256_GCM, CHUNK_EXPONENT, self.file_id, self.prefix, self.size)


def parse(head: bytes) -> Fixed:
    """Read the fixed part of a header.

    Raises
    ------
    Damaged
        When it is none, or of a version that is not known here.
    """
    if not head.startswith(MAGIC):
        raise Damaged(NOT_ENCRYPTED)
    if len(head) < HEADER_BYTES:
        raise Damaged(DAMAGED)
    _magic, version, cipher, exponent, file_id, prefix, size = _FIXED.unpack_from(head)
    if (version, cipher, exponent) != (VERSION, AES_256_GCM, CHUNK_EXPONENT):
        raise Damaged(DAMAGED)
    return Fixed(file_id, prefix, size)


def wrap(secret: bytes, key: Key, fixed: bytes, name: str) -> bytes:
    """Return a key slot: the key of a file, wrapped for one master key and one name."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    bound = fixed + key.id + name.encode()
    return (key.id + nonce + AESGCM(key.secret).encrypt(nonce, secret, bound)).ljust(SLOT_BYTES, b"\0")


def unwrap(head: bytes, ring: Ring, name: str) -> tuple[bytes, int]:
    """Return the key of a file and the number of the slot that gave it, that of the first master key first.

    Raises
    ------
    Damaged
        When no slot opens: the key is not here, or header, size or name are not those it was stored with.
    """
    slots = {number: head[place : place + SLOT_BYTES] for number, place in enumerate(SLOTS)}
    keys = {number: ring.find(slot[:ID_BYTES]) for number, slot in slots.items()}
    known = {number: key for number, key in keys.items() if key is not None}
    for number, key in sorted(known.items(), key=lambda item: item[1] != ring.first):
        rest = slots[number][ID_BYTES:]
        nonce, wrapped = rest[:NONCE_BYTES], rest[NONCE_BYTES : NONCE_BYTES + KEY_BYTES + TAG_BYTES]
        try:
            bound = head[:FIXED_BYTES] + key.id + name.encode()
            return AESGCM(key.secret).decrypt(nonce, wrapped, bound), number
        except InvalidTag:
            continue
    raise Damaged(DAMAGED if known else NO_KEY)


class Chunks(Protocol):
    """Where a :class:`Reader` takes plaintext from."""

    size: int

    def chunk(self, number: int) -> bytes:
        """Return the plaintext of one chunk."""

    def close(self) -> None:
        """Let go of what is held."""


class _Cipher:
    """Encrypts and decrypts the chunks of one file."""

    def __init__(self, secret: bytes, fixed: bytes) -> None:
        self._aead = AESGCM(secret)
        self._bound = fixed[:IDENTITY_BYTES]
        self._prefix = fixed[32 : 32 + PREFIX_BYTES]

    def encrypt(self, number: int, plain: bytes, *, last: bool) -> bytes:
        return self._aead.encrypt(self._prefix + _COUNTER.pack(number, last), plain, self._bound)

    def decrypt(self, number: int, stored: bytes, *, last: bool) -> bytes:
        try:
            return self._aead.decrypt(self._prefix + _COUNTER.pack(number, last), stored, self._bound)
        except InvalidTag as error:
            raise Damaged(DAMAGED) from error


class Writer:
    """Encrypts what is written to it. Until :meth:`finish` nobody can open it: its key is in no file.

    Parameters
    ----------
    stream
        Empty, seekable, open for reading and writing bytes.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._secret = secrets.token_bytes(KEY_BYTES)
        self._fixed = Fixed(secrets.token_bytes(16), secrets.token_bytes(PREFIX_BYTES), 0)
        self._cipher = _Cipher(self._secret, self._fixed.pack())
        self._pending = bytearray()
        self._written = 0

    @property
    def size(self) -> int:
        """Bytes of plaintext so far."""
        return self._written * CHUNK_BYTES + len(self._pending)

    def write(self, content: bytes) -> None:
        """Take bytes; the last MiB waits until it is known whether more follows."""
        self._pending += content
        while len(self._pending) > CHUNK_BYTES:
            with memoryview(self._pending) as pending:
                piece = bytes(pending[:CHUNK_BYTES])
            del self._pending[:CHUNK_BYTES]
            self._put(piece, last=False)

    def drop(self) -> None:
        """Forget everything that was written."""
        self._pending.clear()
        self._written = 0
        self._stream.seek(0)
        self._stream.truncate()

    def finish(self, name: str, key: Key) -> None:
        """Write the last chunk and the header that binds the file to its name."""
        fixed = Fixed(self._fixed.file_id, self._fixed.prefix, self.size)
        self._put(bytes(self._pending), last=True)
        self._pending.clear()
        head = fixed.pack()
        self._stream.seek(0)
        self._stream.write((head + wrap(self._secret, key, head, name)).ljust(HEADER_BYTES, b"\0"))

    def reader(self) -> Reader:
        """Read what was written so far, while it cannot be read from outside."""
        return Reader(_Unfinished(self))

    def _put(self, piece: bytes, *, last: bool) -> None:
        if not self._written:
            self._stream.seek(HEADER_BYTES)
        self._stream.write(self._cipher.encrypt(self._written, piece, last=last))
        self._written += 1

    def _chunk(self, number: int) -> bytes:
        if number == self._written:
            return bytes(self._pending)
        self._stream.flush()
        stored = os.pread(self._stream.fileno(), CHUNK_BYTES + TAG_BYTES, _place(number))
        return self._cipher.decrypt(number, stored, last=False)


class _Unfinished:
    """The chunks of a file that is still written."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.size = writer.size

    def chunk(self, number: int) -> bytes:
        return self._writer._chunk(number)

    def close(self) -> None:
        pass


class _Stored:
    """The chunks of a file on disk."""

    def __init__(self, descriptor: int, name: str, ring: Callable[[], Ring]) -> None:
        self._descriptor = descriptor
        try:
            head, secret = _opened(descriptor, name, ring)
            self._fixed = parse(head)
            if os.fstat(descriptor).st_size != self._fixed.stored_bytes:
                raise Damaged(DAMAGED)
        except BaseException:
            os.close(descriptor)
            raise
        self._cipher = _Cipher(secret, head)
        self.size = self._fixed.size

    def chunk(self, number: int) -> bytes:
        stored = os.pread(self._descriptor, CHUNK_BYTES + TAG_BYTES, _place(number))
        return self._cipher.decrypt(number, stored, last=number == self._fixed.chunks - 1)

    def close(self) -> None:
        os.close(self._descriptor)


def _opened(descriptor: int, name: str, ring: Callable[[], Ring]) -> tuple[bytes, bytes]:
    """Return header and key of a file; a header that is being rewritten just now is read again."""
    for attempt in range(_READ_AGAIN):
        head = os.pread(descriptor, HEADER_BYTES, 0)
        parse(head)
        try:
            return head, unwrap(head, ring(), name)[0]
        except Damaged:
            if attempt == _READ_AGAIN - 1:
                raise
    raise Damaged(DAMAGED)


def _place(number: int) -> int:
    return HEADER_BYTES + number * (CHUNK_BYTES + TAG_BYTES)


class Reader(io.BufferedIOBase):
    """Plaintext, seekable; holds one chunk in memory. Every byte given out is authentic."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._at = 0
        self._number = -1
        self._plain = b""

    @property
    def size(self) -> int:
        """Bytes of plaintext."""
        return self._chunks.size

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def seekable(self) -> bool:
        """Return ``True``."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; nothing is read yet."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the beginning of the file")
        self._at = base + offset
        return self._at

    def read1(self, size: int | None = -1) -> bytes:
        """Return bytes of one chunk."""
        number, start = divmod(self._at, CHUNK_BYTES)
        if self._at >= self.size or size == 0:
            return b""
        if number != self._number:
            self._plain = self._chunks.chunk(number)
            self._number = number
        piece = self._plain[start:] if size is None or size < 0 else self._plain[start : start + size]
        self._at += len(piece)
        return piece

    def read(self, size: int | None = -1) -> bytes:
        """Return as many bytes as asked for, fewer only at the end."""
        left = max(0, self.size - self._at) if size is None or size < 0 else size
        pieces = []
        while left and (piece := self.read1(left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file and forget the plaintext."""
        if not self.closed:
            self._plain = b""
            self._chunks.close()
        super().close()


def opened(descriptor: int, name: str, ring: Callable[[], Ring]) -> Reader:
    """Open an encrypted file for reading.

    Parameters
    ----------
    descriptor
        Open for reading; the reader closes it.
    name
        The name it is stored under.
    ring
        Gives the keys; asked again when a file names a key that was not among them.

    Raises
    ------
    Damaged
        When it does not open. A chunk that is not authentic raises the same once it is read.
    """
    return Reader(_Stored(descriptor, name, ring))


def key_ids(descriptor: int) -> set[bytes]:
    """Return the ids of the master keys that a file is wrapped for."""
    head = os.pread(descriptor, HEADER_BYTES, 0)
    parse(head)
    return {head[place : place + ID_BYTES] for place in SLOTS} - {bytes(ID_BYTES)}


def rewrap(descriptor: int, name: str, ring: Ring) -> bool:
    """Wrap the key of a file for the first master key alone; return whether there was anything to do.

    The new slot is on the disk before the old one is wiped. Readers in the middle of the file go on.
    """
    head = os.pread(descriptor, HEADER_BYTES, 0)
    fixed = parse(head)
    if key_ids(descriptor) == {ring.first.id}:
        return False
    secret, opening = unwrap(head, ring, name)
    ids = [head[place : place + ID_BYTES] for place in SLOTS]
    if ids[opening] != ring.first.id:
        opening = 1 - opening
        os.pwrite(descriptor, wrap(secret, ring.first, fixed.pack(), name), SLOTS[opening])
        os.fsync(descriptor)
    os.pwrite(descriptor, bytes(SLOT_BYTES), SLOTS[1 - opening])
    os.fsync(descriptor)
    return True

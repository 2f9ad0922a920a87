"""What an anchor says: one line of JSON about the end of the chain, signed, and chained to the one before.

Beside the hash of its last seal an anchor carries the first four bytes of every link it covers, so that in a
chain recomputed from some row the row itself can be named, not only the stretch it lies in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clinic.audit.anchors.keys import key_id

VERSION = 1
LINK_BYTES = 4
MOST_LINKS = 200
"""A statement stays below 2 kB, what RFC 5426 asks every receiver of syslog over UDP to take."""


class BadStatement(Exception):
    """A line that is no statement of ours; the text says why."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed.

    Parameters
    ----------
    chain
        Hash of the first seal: the installation, so that no anchor of another is taken for one of ours.
    number, previous
        Counted from 1; SHA-256 of the line before, empty in the first.
    first, links
        Position of the first seal covered, and four bytes of each hash from there on, in base64. An anchor
        that catches up with a long chain that was there before covers its last seal alone.
    position, event, hash, sealed_at
        The last seal covered.
    at
        When it was made.
    """

    chain: str
    number: int
    previous: str
    first: int
    links: str
    position: int
    event: int
    hash: str
    sealed_at: str
    at: str

    def signed(self, key: Ed25519PrivateKey) -> str:
        """Write the line out with its signature."""
        content = {"v": VERSION, **asdict(self), "key": key_id(key.public_key())}
        signature = base64.b64encode(key.sign(_bytes(content))).decode("ascii")
        return _bytes({**content, "signature": signature}).decode("ascii")

    def holds(self, position: int, link: str) -> bool | None:
        """Say whether the link at ``position`` is the one that was signed; ``None`` where none was."""
        if position == self.position:
            return link == self.hash
        start = (position - self.first) * LINK_BYTES
        kept = base64.b64decode(self.links)[start : start + LINK_BYTES] if start >= 0 else b""
        return bytes.fromhex(link)[:LINK_BYTES] == kept if kept else None


def links(hashes: Sequence[str]) -> str:
    """Return the first four bytes of each hash, in base64."""
    return base64.b64encode(b"".join(bytes.fromhex(link)[:LINK_BYTES] for link in hashes)).decode("ascii")


def line_hash(line: str) -> str:
    """Return what the next statement calls ``previous``."""
    return hashlib.sha256(line.encode()).hexdigest()


def read(line: str, keys: Mapping[str, Ed25519PublicKey]) -> Statement:
    """Return what a line says, once its signature has been checked.

    Raises
    ------
    BadStatement
        When it is no statement, or was signed by a key that is not among ``keys``, or was changed since.
    """
    try:
        content = json.loads(line)
        signature = base64.b64decode(content.pop("signature"), validate=True)
        name, version = content["key"], content.pop("v")
        statement = Statement(**{key: value for key, value in content.items() if key != "key"})
        base64.b64decode(statement.links, validate=True)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise BadStatement("is no anchor: it was edited or cut") from error
    if name not in keys:
        raise BadStatement(f"is signed by the key {name}, which is none of this installation")
    try:
        keys[name].verify(signature, _bytes({"v": version, **content}))
    except InvalidSignature as error:
        raise BadStatement("was edited: its signature does not fit") from error
    return statement


def _bytes(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")

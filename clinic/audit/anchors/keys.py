"""The Ed25519 key that signs anchors, and the public keys by which anybody checks them.

The private key belongs to the sealer alone. The public key is meant to be given away: to whoever keeps the
anchors, so that a machine taken over cannot vouch for itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings

ID_CHARACTERS = 16
_PEM_END = b"-----END PUBLIC KEY-----"


class NoKey(Exception):
    """There is no key to sign or to check with; the text says what to do."""


def signing_key() -> Ed25519PrivateKey:
    """Return the key of this installation; a demo makes its own.

    Raises
    ------
    NoKey
        When there is none, others can read it, or it is no Ed25519 key.
    """
    path = Path(settings.AUDIT_KEY_FILE)
    if not path.exists() and not settings.PRODUCTION:
        make(path)
    try:
        open_to_others = path.stat().st_mode & 0o077
        content = path.read_bytes()
    except OSError as error:
        raise NoKey(f"{path} cannot be read: make the key with manage.py audit_key --make") from error
    if open_to_others:
        raise NoKey(f"other users of this machine can read {path}: chmod 600 {path}")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoKey(f"{path} holds no key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoKey(f"{path} holds a key of another kind than Ed25519")
    return key


def make(path: Path) -> None:
    """Write a new key where there is none; when two processes do, both use the one that came first.

    Raises
    ------
    FileExistsError
        When there is one already: a key is never written over.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        os.link(draft, path)
    finally:
        draft.unlink()


def key_id(public: Ed25519PublicKey) -> str:
    """Return the name of a key in statements: the first 16 hexadecimal digits of the SHA-256 of its bytes."""
    return hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:ID_CHARACTERS]


def public_pem(public: Ed25519PublicKey) -> str:
    """Write a public key out as PEM."""
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def known(files: Iterable[Path] = ()) -> dict[str, Ed25519PublicKey]:
    """Return the public keys to check with, by id.

    Parameters
    ----------
    files
        PEM files, several keys to a file allowed; when none is given, the ones of ``VIGIE_AUDIT_FORMER_KEYS``
        and, where it can be read, the key of this installation.

    Raises
    ------
    NoKey
        When there is none, or a file holds something else.
    """
    public = [key for path in files for key in _read(path)]
    if not public:
        public = [key for name in settings.AUDIT_FORMER_KEYS for key in _read(Path(name))]
        try:
            public.append(signing_key().public_key())
        except NoKey:
            if not public:
                raise
    return {key_id(key): key for key in public}


def _read(path: Path) -> list[Ed25519PublicKey]:
    try:
        pieces = path.read_bytes().split(_PEM_END)[:-1]
        found = [load_pem_public_key(piece.strip() + b"\n" + _PEM_END) for piece in pieces]
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise NoKey(f"{path} holds no public key in PEM") from error
    if not found or not all(isinstance(key, Ed25519PublicKey) for key in found):
        raise NoKey(f"{path} holds no public key of the kind Ed25519")
    return found

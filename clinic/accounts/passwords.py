"""How passwords are kept, and which are refused because everybody tries them first."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Set
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from clinic.accounts import common_words

HASH_CHARACTERS = 40
# Of a longer password whatever is built on a word has words of its own around it.
LOOKED_AT = 100
LONGEST_PIECE = 4
_LEET = str.maketrans("013457@$", "oieastas")


class Argon2id(Argon2PasswordHasher):
    """Argon2id with the parameters RFC 9106 recommends where memory is shared (section 4, second choice).

    A password kept with others is hashed anew at the next log-in.
    """

    time_cost = 3
    memory_cost = 64 * 1024  # KiB
    parallelism = 4


class BreachedPasswordValidator(CommonPasswordValidator):
    """Refuse passwords known from breaches, without asking anybody on the network.

    Django ships the 20,000 most common of them (Royce Williams' list of 2018). Few have the twelve
    characters asked for here, but people reach twelve with such a word and a year: what is left without
    accents, digits and signs, or with letters for the digits in between, is looked up too, and refused as
    well when it is made of nothing but the words of a hospital (:mod:`clinic.accounts.common_words`) and of
    whose password it is. A site can name a file of its own, searched by bisection.
    """

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Refuse a known password.

        Raises
        ------
        ValidationError
            With what to do instead.
        """
        cores = set(_cores(password.lower().strip()))
        words = common_words.WORDS | _own_words(user)
        if (
            not self.passwords.isdisjoint(cores)
            or any(_made_of(letters(core), words) for core in cores)
            or any(_repeats(core) for core in cores)
        ):
            raise ValidationError(
                _(
                    "This password, or the word it is built on, is among those that are tried first. Take "
                    "several words that do not belong together."
                ),
                code="password_too_common",
            )
        path = settings.BREACHED_PASSWORDS
        if path and is_listed(Path(path), password):
            raise ValidationError(
                _("This password is known from a data breach. Choose another."), code="password_breached"
            )

    def get_help_text(self) -> str:
        """Say what is asked for."""
        return _("Your password can’t be one that is known from data breaches, nor such a word with digits.")


def is_listed(path: Path, password: str) -> bool:
    """Return whether the SHA-1 of ``password`` is in a file of hashes.

    Parameters
    ----------
    path
        Lines ``HASH`` or ``HASH:COUNT`` of 40 hexadecimal capitals, ordered by hash, as the download tool of
        Have I Been Pwned writes them. 40 GB are searched with some 36 reads.

    Raises
    ------
    OSError
        When the file cannot be read: better no change of password than an unchecked one.
    """
    # Have I Been Pwned orders by SHA-1; nothing is kept or protected with it.
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = _first(size, lambda offset: _hash_after(file, offset) >= wanted)
        return _hash_after(file, start) == wanted


def _first(end: int, holds: Callable[[int], bool]) -> int:
    """Return the first number below ``end`` that ``holds``, and all after it with it; else ``end``."""
    low = 0
    while low < end:
        middle = (low + end) // 2
        if holds(middle):
            end = middle
        else:
            low = middle + 1
    return low


def _hash_after(file: BinaryIO, offset: int) -> bytes:
    """Return the hash of the first line that begins at ``offset`` or after, the highest past the end."""
    file.seek(max(0, offset - 1))
    if offset:
        file.readline()
    line = file.readline()
    return line[:HASH_CHARACTERS].upper() if line.strip() else b"\xff"


def letters(text: str) -> str:
    """Return the letters alone, small and without accents: été2026! is ete."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalpha())


def _own_words(user: AbstractBaseUser | None) -> set[str]:
    """Return what an attacker tries because of whose password it is, and where."""
    own = (getattr(user, name, "") for name in ("username", "first_name", "last_name"))
    pieces = (letters(piece) for name in own for piece in re.split(r"[\W\d_]+", name))
    whole = (letters(name) for name in own)
    return {word for word in (*pieces, *whole, letters(settings.MFA_TOTP_ISSUER)) if len(word) > 2}


def _cores(password: str) -> Iterator[str]:
    """Yield the password, and what is left of it without what people add to make it long enough."""
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", password)
    for core in (password, bare, password.translate(_LEET), bare.translate(_LEET)):
        yield core
        yield letters(core)
    words = set(re.findall(r"[^\W\d_]+", bare))
    if len(words) == 1:
        yield from words


def _made_of(text: str, words: Set[str]) -> bool:
    """Return whether ``text`` is one of ``words``, or several in a row."""
    text = text[:LOOKED_AT]
    longest = max(map(len, words))
    reached = [True] + [False] * len(text)
    for end in range(1, len(text) + 1):
        starts = range(max(0, end - longest), end)
        reached[end] = any(reached[start] and text[start:end] in words for start in starts)
    return bool(text) and reached[-1]


def _repeats(text: str) -> bool:
    """Whether the text is one short piece again and again, or a run of neighbours such as 123456.

    Two letters left between digits are neither.
    """
    if len(text) <= LONGEST_PIECE:
        return False
    for length in range(1, min(LONGEST_PIECE, len(text) // 2) + 1):
        if (text[:length] * (len(text) // length + 1))[: len(text)] == text:
            return True
    return len({ord(after) - ord(before) for before, after in pairwise(text)}) == 1

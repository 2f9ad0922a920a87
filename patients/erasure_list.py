"""The list of erasures that were carried out, outside the database: after a restore they are repeated by it.

One line of JSON for each, only ever added. It knows a record when it meets it again and tells nobody which it
was: of the ids of record and study it holds a salted SHA-256. It names staff, as the log of an erasure does.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.dateparse import parse_datetime

from clinic.audit.anchors.targets import FileTarget
from patients.erasure import certificate
from patients.models import Erasure

FORMAT = "vigie-erased/1"
SALT_BYTES = 16
# What of a certificate would tell which record it was.
TELLING = ("record", "study")


class NotAList(ValueError):
    """A line is not what this list holds; the text says which."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure that was carried out."""

    erasure: UUID
    salt: str
    record: str
    study: str | None
    requested_by: str
    decided_by: str
    certificate: dict[str, Any]

    def is_record(self, patient: UUID) -> bool:
        """Return whether it was this record, or a study of it."""
        return _hash(self.salt, patient) == self.record

    def is_study(self, study: UUID) -> bool:
        """Return whether it was this study."""
        return _hash(self.salt, study) == self.study


def add(erasure: Erasure) -> None:
    """Add an erasure, and wait until the disk has it.

    Raises
    ------
    clinic.audit.anchors.targets.NotTaken
        When the file cannot be written: the erasure is not over before it is.
    """
    salt = secrets.token_hex(SALT_BYTES)
    said = {
        "format": FORMAT,
        "erasure": str(erasure.pk),
        "salt": salt,
        "record": _hash(salt, erasure.patient),
        "study": _hash(salt, erasure.study) if erasure.study else None,
        "requested_by": erasure.requested_by.username,
        "decided_by": erasure.decided_by.username if erasure.decided_by else "",
        "certificate": {name: value for name, value in certificate(erasure).items() if name not in TELLING},
    }
    line = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
    FileTarget("erasures", Path(settings.ERASURE_LIST)).send([line])


def read(path: Path) -> Iterator[Entry]:
    """Read a list, each erasure once.

    Raises
    ------
    NotAList
        At the first line that is none of this list.
    OSError
        When the file cannot be read.
    """
    seen = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        entry = _entry(number, line)
        if entry.erasure not in seen:
            seen.add(entry.erasure)
            yield entry


def _entry(number: int, line: str) -> Entry:
    try:
        said = json.loads(line)
        if said.pop("format") != FORMAT:
            raise NotAList(f"line {number} is of another format than {FORMAT}")
        entry = Entry(**said | {"erasure": UUID(said["erasure"])})
        dated = [entry.certificate["requested"]["at"], entry.certificate["decided"]["at"]]
        if not all(map(parse_datetime, dated)) or not entry.certificate["ground"]:
            raise NotAList(f"line {number} does not say when and on what ground")
    except NotAList:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NotAList(f"line {number} is no erasure: take the list of before it was damaged") from error
    return entry


def _hash(salt: str, one: UUID) -> str:
    return hashlib.sha256(f"{salt}{one}".encode()).hexdigest()

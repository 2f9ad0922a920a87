"""One hostile input: where it is sent, what is wrong with it, and how it is made."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Intake(StrEnum):
    """Where an input comes in."""

    EDF = "edf"
    BDF = "bdf"
    DICOM = "dicom"
    PNG = "png"
    JPEG = "jpeg"
    CREDIT = "credit_csv"
    BIRTHS = "births_csv"
    FORM = "form_json"
    APPLICATION = "credit_json"
    EVENTS = "events_json"


class Wrong(StrEnum):
    """What kind of wrong it is; every sample has each kind of every intake."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    LYING = "lying"
    HUGE = "huge"
    BOMB = "bomb"
    POLYGLOT = "polyglot"
    EXECUTABLE = "executable"
    MAGIC = "magic"
    NUMBER = "number"
    DAMAGED = "damaged"
    TEXT = "text"
    TYPE = "type"
    SPARSE = "sparse"


@dataclass(frozen=True)
class Case:
    """One input that has to be refused in words.

    Parameters
    ----------
    name
        What is wrong with it, to be read in a failed test: ``"n_records says NaN"``.
    make
        Makes the content; the same bytes each time.
    sparse
        Bytes to which the file is stretched by a hole, 0 for none.
    """

    intake: Intake
    wrong: Wrong
    name: str
    make: Callable[[], bytes]
    sparse: int = 0

    @property
    def id(self) -> str:
        """Return a name that a file and a test can bear."""
        words = re.sub(r"[^A-Za-z0-9.+-]", _spelt, self.name)
        return f"{self.intake}-{self.wrong}-{words}"

    def write(self, folder: Path) -> Path:
        """Write it as a file of that name."""
        path = folder / f"{self.id}{SUFFIXES[self.intake]}"
        path.write_bytes(self.make())
        if self.sparse:
            with path.open("r+b") as stream:
                stream.truncate(self.sparse)
        return path


SUFFIXES = {
    Intake.EDF: ".edf",
    Intake.BDF: ".bdf",
    Intake.DICOM: ".dcm",
    Intake.PNG: ".png",
    Intake.JPEG: ".jpg",
    Intake.CREDIT: ".csv",
    Intake.BIRTHS: ".csv",
    Intake.FORM: ".json",
    Intake.APPLICATION: ".json",
    Intake.EVENTS: ".json",
}

ARCHIVES = {
    "ZIP": b"PK\x03\x04\x14\0\0\0\0\0",
    "empty ZIP": b"PK\x05\x06" + bytes(18),
    "RAR": b"Rar!\x1a\x07\x01\x00",
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04",
    "gzip": b"\x1f\x8b\x08\x00",
    "cabinet": b"MSCF\0\0\0\0",
}
PROGRAMS = {
    "Windows program": b"MZ\x90\0\x03\0\0\0",
    "Linux program": b"\x7fELF\x02\x01\x01\0",
    "shell script": b"#!/bin/sh\nexit 0\n",
    "Java class": b"\xca\xfe\xba\xbe\0\0\0\x41",
    "Mac program, 32 bits": b"\xce\xfa\xed\xfe",
    "Mac program, 64 bits": b"\xcf\xfa\xed\xfe",
    "Mac program, big endian": b"\xfe\xed\xfa\xcf",
    "WebAssembly": b"\0asm\x01\0\0\0",
    "Android program": b"dex\n035\0",
    "Windows shortcut": b"L\0\0\0\x01\x14\x02\0",
    "batch script": b"@echo off\r\n",
}
DOCUMENTS = {
    "PDF": b"%PDF-1.7\n",
    "HTML": b"<!DOCTYPE html><script>alert(1)</script>",
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
    "PHP": b"<?php system($_GET['c']); ?>",
    "Office 97": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "RTF": b"{\\rtf1\\ansi ",
    "PostScript": b"%!PS-Adobe-3.0\n",
    "compiled help": b"ITSF\x03\0\0\0",
}
PICTURES = {
    "GIF": b"GIF89a\x01\0\x01\0",
    "BMP": b"BM\x3a\0\0\0",
    "TIFF": b"II*\0\x08\0\0\0",
    "WebP": b"RIFF\x1a\0\0\0WEBPVP8 ",
    "ICO": b"\0\0\x01\0\x01\0",
    "PCX": b"\n\x05\x01\x08",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "HEIC": b"\0\0\0\x18ftypheic",
    "OpenEXR": b"v/1\x01",
    "FITS": b"SIMPLE  =                    T",
    "Photoshop": b"8BPS\0\x01",
}
OTHERS = {
    "Matlab": b"MATLAB 5.0 MAT-file",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "NumPy": b"\x93NUMPY\x01\0",
    "pickle": b"\x80\x04\x95\0\0\0\0\0\0\0\0cos\nsystem\n",
    "SQLite": b"SQLite format 3\0",
    "GDF": b"GDF 2.20" + bytes(24),
    "BrainVision": b"Brain Vision Data Exchange Header File Version 1.0\r\n",
    "WAV": b"RIFF\x24\0\0\0WAVEfmt ",
    "MP4": b"\0\0\0\x20ftypisom",
    "text": b"Nothing to see here.\n",
    "UTF-16": "Nothing to see here.".encode("utf-16"),
    "JSON": b'{"a": 1}',
    "one byte": b"\0",
    "zeros": bytes(512),
    "0xFF": b"\xff" * 512,
    "newlines": b"\n" * 512,
}
FOREIGN = ARCHIVES | PROGRAMS | DOCUMENTS | PICTURES | OTHERS
"""First bytes of files that are something else."""

NO_NUMBERS = ("NaN", "nan", "-nan", "inf", "-inf", "Infinity", "", "-", "+", ".", "e", "0x10", "1e", "12a",
              "1 2", "²", "٣", "½", "1_0", "\u202e1", "=1+1", "None", "true", "<b>1</b>", "1;2")  # fmt: skip
"""What stands where a number belongs."""


def _spelt(letter: re.Match[str]) -> str:
    return "_" if letter[0] == " " else f"~{ord(letter[0]):x}"


def noise(seed: str, size: int) -> bytes:
    """Return bytes that look random and are the same each time."""
    return random.Random(seed).randbytes(size)


def only_once(cases: Iterable[Case]) -> list[Case]:
    """Return the cases, or raise for two of one name: a failure could not be told from another."""
    found: dict[str, Case] = {}
    for case in cases:
        if case.id in found:
            raise ValueError(
                f"two hostile inputs are called {case.id}: {case.name!r}, {found[case.id].name!r}"
            )
        found[case.id] = case
    return list(found.values())

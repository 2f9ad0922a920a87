"""What the web process refuses by the head of an upload."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

from ml.algorithms.chest_xray.contract import CONTRACT, UPLOAD_BYTES, screen

DICOM = bytes(128) + b"DICM" + bytes(64)


def png_head(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(5)


def codes(head: bytes, size: int | None = None) -> list[str]:
    return [problem.code for problem in screen(head, len(head) if size is None else size)]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", ["empty_file"]),
        (b"patient notes, not an image", ["unknown_format"]),
        (b"%PDF-1.7", ["unknown_format"]),
        (png_head(30_000, 30_000), ["too_many_pixels"]),
        (png_head(0, 100), ["image_damaged"]),
        (png_head(1024, 1024)[:18], ["image_damaged"]),
        (b"MZ" + DICOM[2:], ["dicom_preamble_executable"]),
        (b"\x7fELF" + DICOM[4:], ["dicom_preamble_executable"]),
        (b"#!/bin/sh\n" + DICOM[10:], ["dicom_preamble_executable"]),
        (b"PK\x03\x04" + DICOM[4:], ["dicom_preamble_executable"]),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100" + bytes(200), ["dicom_without_preamble"]),
    ],
)
def test_a_head_that_cannot_be_an_x_ray_is_refused(head: bytes, expected: list[str]) -> None:
    assert codes(head) == expected


@pytest.mark.parametrize("head", [DICOM, png_head(2000, 2500), b"\xff\xd8\xff\xe0" + bytes(100)])
def test_a_plausible_head_goes_to_the_worker(head: bytes) -> None:
    assert codes(head) == []


def test_an_upload_over_the_limit_names_the_limit() -> None:
    (problem,) = screen(DICOM, UPLOAD_BYTES + 1)
    assert problem.code == "file_too_large"
    assert "64 MiB" in problem.message.en
    assert "64 Mio" in problem.message.fr


def test_the_radiologist_signs_and_the_queue_is_imaging() -> None:
    assert CONTRACT.sign_roles == ("radiologist",)
    assert CONTRACT.queue == "imaging"


def test_serving_needs_no_training_library() -> None:
    heavy = ["tensorflow", "keras", "sklearn", "mlflow", "matplotlib", "pandas"]
    script = (
        "import sys\n"
        "from ml import registry\n"
        "for door in ('contract', 'load', 'predict', 'explain', 'report'):\n"
        "    registry.door('chest_xray', door)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

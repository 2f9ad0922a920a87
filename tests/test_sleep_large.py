"""A recording far larger than what is used of it: 8 h, 64 channels at 512 Hz, 1.9 GB on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench import measuring, sleep_large
from bench.sleep_large.recording import FILE, FREE_BYTES

MOST_BYTES = 500e6


@pytest.mark.long
def test_a_file_of_two_gigabytes_is_read_and_staged_within_500_mb(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < FREE_BYTES:
        pytest.skip("too little free disk for a recording of 1.9 GB")
    try:
        found = measuring.run(sleep_large.MEASUREMENT, tmp_path, repeats=1, rounds=1)
        assert (tmp_path / FILE).stat().st_size > 1.88e9
    finally:
        (tmp_path / FILE).unlink(missing_ok=True)
    for side, figures in found["figures"].items():
        assert figures["peak_mib"]["median"] * 1024**2 < MOST_BYTES, side

"""What both sides do with a recording of 256 MiB: the same bytes, the same pages."""

from __future__ import annotations

import hashlib

MEBIBYTE = 1 << 20
SIZE = 256 * MEBIBYTE
PAGE = 60_000
BLOCK = hashlib.shake_256(b"a night").digest(MEBIBYTE)
# Anywhere in the recording, the same for both sides.
PLACES = [number * 7_919_321 % (SIZE - PAGE) for number in range(100)]

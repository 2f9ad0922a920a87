"""A terminal is for what a training says of itself: what TensorFlow says of its own build is left out."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile

# TensorFlow's libraries print these while they are loaded, whatever TF_CPP_MIN_LOG_LEVEL says.
_NOISE = re.compile(
    rb"before absl::InitializeLog|(port|cpu_feature_guard)\.cc:\d+\]|^To enable the following "
)
STDERR = 2


@contextmanager
def imports() -> Iterator[None]:
    """Import inside this block: every line on standard error comes through but TensorFlow's greetings."""
    # Read while TensorFlow is imported: warnings of its graphs about attributes that are ignored.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    terminal = os.dup(STDERR)
    with TemporaryFile() as kept:
        os.dup2(kept.fileno(), STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(terminal, STDERR)
            os.close(terminal)
            kept.seek(0)
            for line in kept:
                if not _NOISE.search(line):
                    os.write(STDERR, line)

"""Which files of a heap belong together: the images of one DICOM study. Standard library only."""

from __future__ import annotations

import re
from pathlib import Path

from ml.algorithms.chest_xray import elements
from ml.algorithms.chest_xray.contract import is_dicom

STUDY = (0x0020, 0x000D)
UID = re.compile(r"[0-9.]{1,64}")
# The identifiers stand far before the pixels; of a file that puts more in front nothing is known.
HEAD_BYTES = 1 << 20


def study_of(path: Path) -> str:
    """Return the StudyInstanceUID of a file; empty for any other file, and for one that names none.

    The file is walked through, not parsed: whatever is wrong with it is found, and said, when it is analysed.
    """
    with path.open("rb") as stream:
        content = stream.read(HEAD_BYTES)
    if not is_dicom(content):
        return ""
    found = elements.top_level(content, STUDY).strip(b"\0 ").decode("latin-1")
    return found if UID.fullmatch(found) else ""

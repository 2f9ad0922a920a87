"""Names as they are compared: without accents, case, apostrophes and hyphens."""

from __future__ import annotations

import re
import unicodedata

# Letters that Unicode does not take apart although people type them in two ways.
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})


def fold(name: str) -> str:
    """Return ``name`` in lower-case words of letters and digits.

    >>> fold("D'Œuvre-Lefèvre  Zoë")
    'doeuvre lefevre zoe'
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold().translate(_LIGATURES))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^\w]|_", " ", re.sub(r"['’ʼ`´]", "", bare)).split())

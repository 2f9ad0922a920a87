"""What people type, as every document shows it."""

from __future__ import annotations

import re

# What turns the direction of the text after it: written as such it could make a comment read otherwise.
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


def upright(text: str, characters: re.Pattern[str] = TURNING) -> str:
    """Return a text with the characters that turn its direction, or others, written as their numbers."""
    return characters.sub(_numbered, text)


def _numbered(character: re.Match[str]) -> str:
    return f"[U+{ord(character[0]):04X}]"

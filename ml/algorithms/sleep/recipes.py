"""What trains each recipe, and the name it puts before a version. Standard library only."""

from __future__ import annotations

# Each is imported alone: the forest needs no TensorFlow.
DOORS = {"sequence": "train", "forest16": "forest16_train", "cnn": "rawcnn_train"}
PREFIXES = {"forest16": "forest-16-", "cnn": "cnn-"}


def version_of(recipe: str | None, version: str) -> str:
    """Return the version as a recipe writes it: ``1.0.0`` of ``cnn`` is ``cnn-1.0.0``."""
    prefix = PREFIXES.get(recipe or "", "")
    return version if version.startswith(prefix) else f"{prefix}{version}"

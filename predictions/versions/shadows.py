"""Where the gate gets from what a version has shown in the shadow of the serving one."""

from __future__ import annotations

from collections.abc import Callable

from ml.promotion import ShadowFigures

Source = Callable[[str, str], ShadowFigures | None]

_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a source; called from ``AppConfig.ready``.

    Parameters
    ----------
    source
        ``source(algorithm, version)`` gives the figures of the latest shadow run of a version, or ``None``.
    """
    _sources.append(source)


def figures(algorithm: str, version: str) -> ShadowFigures | None:
    """Return what the latest shadow run of a version has shown, ``None`` when it never ran in one."""
    for source in _sources:
        if (found := source(algorithm, version)) is not None:
            return found
    return None

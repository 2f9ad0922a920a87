"""An algorithm for tests of the workers: it does what the form tells it, also the worst.

It stands in haemorrhage's place, with that algorithm's own package, queue and unit, because a study belongs
to a unit and an answer to a verified package.
"""

from __future__ import annotations

from ml import registry

NAME = "haemorrhage"


def install() -> None:
    """Put the probe in haemorrhage's place in this process."""
    registry.ALGORITHMS[NAME] = __name__
    registry.contract.cache_clear()

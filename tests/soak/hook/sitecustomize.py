"""Loaded by every process of a soak at its start: they live by a clock that the soak can set."""

from tests.probe import clock

clock.install()

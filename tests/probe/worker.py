"""Celery app of a worker that runs the probe: ``celery -A tests.probe.worker worker``."""

from clinic.celery import app
from tests import probe
from tests.probe import clock

probe.install()
clock.install()
__all__ = ["app"]

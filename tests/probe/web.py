"""The web server of a ward with the probe: ``gunicorn tests.probe.web``."""

from clinic.wsgi import application
from tests import probe
from tests.probe import clock

probe.install()
clock.install()
__all__ = ["application"]

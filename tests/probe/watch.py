"""``manage.py watch_jobs`` of a ward with the probe: ``python -m tests.probe.watch``."""

import os

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")

if __name__ == "__main__":
    django.setup()

    from tests import probe
    from tests.probe import clock

    probe.install()
    clock.install()
    call_command("watch_jobs")

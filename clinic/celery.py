"""The Celery app: three queues for the analyses, one for upkeep."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")

app = Celery("vigie")
app.config_from_object("clinic.celeryconfig")
app.autodiscover_tasks(["predictions"])

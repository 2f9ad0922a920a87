"""The Django project: settings, celery, staff, audit and what every page needs."""

from clinic.celery import app as celery_app

__all__ = ["celery_app"]

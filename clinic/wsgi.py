"""WSGI entry point for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from clinic.checks import require_safe

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
application = get_wsgi_application()
require_safe()

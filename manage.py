#!/usr/bin/env python
"""Django's command line for Vigie."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        # What a setting has to be is for whoever sets it; where it was read is not.
        sys.exit(f"vigie: {problem}")

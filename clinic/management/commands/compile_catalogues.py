"""Compile the translations without GNU gettext."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from clinic.catalogues import compile_catalogues


class Command(BaseCommand):
    """``manage.py compile_catalogues``: like ``compilemessages``, in pure Python."""

    help = "Compile locale/*/LC_MESSAGES/*.po where the .mo is missing or older."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Compile and name what was compiled."""
        for root in settings.LOCALE_PATHS:
            for catalogue in compile_catalogues(Path(root)):
                self.stdout.write(f"compiled {catalogue.relative_to(root)}")

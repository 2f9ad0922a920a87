"""An empty database with every migration."""

from __future__ import annotations

from pathlib import Path

from django.core.management import call_command


def prepare(folder: Path) -> None:
    """Make it in ``folder``, which the environment names as the data folder."""
    call_command("migrate", verbosity=0)

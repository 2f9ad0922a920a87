"""System checks for settings that would be unsafe, run before every command and deployment."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def private_root_is_private(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a folder of uploaded files that other users of the machine can read."""
    root = settings.PRIVATE_ROOT
    if not root.exists() or not root.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return []
    return [
        Error(
            f"Uploaded studies in {root} can be read by other users of this machine.",
            hint=f"chmod 700 {root}",
            id="clinic.E001",
        )
    ]

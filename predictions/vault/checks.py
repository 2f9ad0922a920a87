"""A start under the wrong storage key is refused: commands, web server and workers ask before they serve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from predictions.vault import fitting
from predictions.vault.fitting import Unfitting


@register(Tags.security)
def keys_fit_stored_files(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse keys that do not open what is stored."""
    if problem := unfit():
        return [Error(f"The storage key does not fit: {problem}.", id="predictions.E001")]
    return []


def unfit() -> str:
    """Say why files that are here do not open with the keys that are here; empty when they do."""
    try:
        fitting.require()
    except Unfitting as error:
        return str(error)
    except ImproperlyConfigured as error:
        return f"there are stored files, and {error}"
    return ""

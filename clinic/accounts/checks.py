"""System check: nobody of the demo in a production database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from clinic.accounts.models import User
from clinic.checks import tables


@register(Tags.database)
def no_demo_staff(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Report staff of the demo under production settings; they could not log in anyway."""
    # Before the first migration, which runs these checks too, there is nobody to ask about.
    if not settings.PRODUCTION or not databases or User._meta.db_table not in tables(databases):
        return []
    demo = User.objects.filter(demo=True, is_active=True).count()
    if not demo:
        return []
    return [
        Error(
            f"{demo} members of staff were made by the demo; their password is known to everybody.",
            hint="Start production with a database of its own, or disable them in the staff pages first.",
            id="accounts.E001",
        )
    ]

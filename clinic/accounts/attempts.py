"""What is counted of attempts to get in: in the database, where every process sees the same."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Attempts(models.Model):
    """How often something was tried since its window opened."""

    scope = models.CharField(max_length=30, help_text="What is counted, such as “account”")
    key = models.CharField(max_length=64, help_text="Keyed hash of whose attempts: names are not kept here")
    count = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(db_index=True, help_text="When the window closes and counting begins anew")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="attempts_once")]


class LastCode(models.Model):
    """The latest time step of which somebody's code was accepted: no code of it or before serves again."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    step = models.BigIntegerField(help_text="Seconds since 1970 divided by the period of a code")

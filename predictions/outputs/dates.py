"""Days and times as documents write them; light, for pages that show the same."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone


def day(value: date, language: str) -> str:
    """Write a date as the screens do: 02/03/1994, or 1994-03-02 in English."""
    return f"{value:%d/%m/%Y}" if language == "fr" else f"{value:%Y-%m-%d}"


def moment(value: datetime, language: str) -> str:
    """Write a date with its time of day, where the hospital is."""
    local = timezone.localtime(value)
    return f"{day(local.date(), language)} {local:%H:%M}"

"""How the test bench writes times: a form is answered in milliseconds, a night in seconds."""

from __future__ import annotations

from django import template

from clinic.templatetags.vigie import figure, with_unit

register = template.Library()


@register.filter
def duration(milliseconds: float) -> str:
    """Write milliseconds in the unit that suits them: 240 ms, 13.9 s."""
    if milliseconds < 1000:
        return with_unit(figure(milliseconds, 1 if milliseconds < 10 else 0), "ms")
    return with_unit(figure(milliseconds / 1000, 1), "s")

"""Numbers stored as text, written for people."""

from __future__ import annotations

FROM = 4
"""Digits from which thousands are set apart."""


def grouped(number: str, point: str = ".") -> str:
    """Set the thousands of a stored number apart by a narrow no-break space; leave anything else as it is.

    Parameters
    ----------
    number
        With a point, if any: ``"-1520.5"``.
    point
        The decimal separator of the language.
    """
    whole, stored_point, rest = number.partition(".")
    digits = whole.lstrip("-−")
    if not (digits + rest).isdecimal() or not digits.isdecimal():
        return number
    sign = whole[: len(whole) - len(digits)]
    apart = f"{int(digits):,}".replace(",", "\u202f") if len(digits) >= FROM else digits
    return sign + apart + (point if stored_point else "") + rest

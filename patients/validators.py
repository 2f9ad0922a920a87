"""What a patient's identity has to look like, whichever door it comes in by."""

from __future__ import annotations

import unicodedata
from datetime import date

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from patients.folding import fold

OLDEST = 120
# Control characters, marks that turn the direction of writing, and what no font has.
_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

validate_record_number = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9./-]*\Z",
    _("Use letters without accents, digits, dots, slashes and hyphens, without spaces."),
)


def completed_years(born: date, on: date) -> int:
    """Return the age in completed years of somebody ``born`` then, ``on`` that day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def validate_name(name: str) -> None:
    """Refuse a name that cannot be shown or found again."""
    if any(unicodedata.category(c) in _UNSHOWABLE for c in name):
        raise ValidationError(_("The name contains a character that cannot be shown. Type it anew."))
    if not any(c.isalpha() for c in fold(name)):
        raise ValidationError(_("The name contains no letter."))


def validate_birth_date(born: date) -> None:
    """Refuse a day on which nobody alive can have been born."""
    today = timezone.localdate()
    if born > today:
        raise ValidationError(_("This date is in the future. Check the year."))
    if completed_years(born, today) > OLDEST:
        raise ValidationError(
            _("Somebody born then would be over %(years)d years old. Check the year."),
            params={"years": OLDEST},
        )

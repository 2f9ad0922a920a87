"""What to count: an algorithm with its unit, a version, and whole months."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.accounts.models import Unit
from ml.contracts import Contract
from predictions.agreement import services

MONTHS_BACK = 11


class ReportForm(forms.Form):
    """One question.

    Parameters
    ----------
    offers
        Algorithms with their units that may be chosen.
    """

    algorithm = forms.ChoiceField(label=_("Algorithm and unit"))
    version = forms.ChoiceField(label=_("Version that answered"), required=False)
    since = forms.CharField(label=_("First month"), widget=forms.TextInput(attrs={"type": "month"}))
    until = forms.CharField(label=_("Last month"), widget=forms.TextInput(attrs={"type": "month"}))

    def __init__(self, *args: Any, offers: list[tuple[Contract, Unit]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "en"
        self.offers = {contract.name: (contract, unit) for contract, unit in offers}
        self.fields["algorithm"].choices = [
            (name, f"{contract.title.to(language)} · {unit}")
            for name, (contract, unit) in self.offers.items()
        ]
        # Grouped, for a version of one algorithm says nothing of another's.
        answered = [
            (contract.title.to(language), [(one, one) for one in services.versions(name)])
            for name, (contract, _unit) in self.offers.items()
        ]
        groups = answered[0][1] if len(answered) == 1 else [each for each in answered if each[1]]
        self.fields["version"].choices = [("", _("every version")), *groups]
        today = timezone.localdate()
        self.initial = {"since": _back(today, MONTHS_BACK), "until": f"{today:%Y-%m}"} | self.initial

    def chosen(self) -> tuple[Contract, Unit]:
        """Return what was chosen of the offers."""
        return self.offers[self.cleaned_data["algorithm"]]


def _back(day: date, months: int) -> str:
    at = 12 * day.year + day.month - 1 - months
    return f"{at // 12:04}-{at % 12 + 1:02}"

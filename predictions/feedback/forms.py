"""What a training set is asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ml import registry
from predictions.feedback.access import WRITTEN
from predictions.feedback.services import LONGEST


class RequestForm(forms.Form):
    """One request of a steward."""

    algorithm = forms.ChoiceField(label=_("Algorithm"))
    purpose = forms.CharField(
        label=_("What it is for"),
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST}),
        help_text=_("Written into the set: whoever trains on it is bound to it."),
    )
    invented = forms.BooleanField(label=_("Invented patients of the demo too"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "en"
        choices = [(name, registry.contract(name).title.to(language)) for name in WRITTEN]
        self.fields["algorithm"].choices = choices

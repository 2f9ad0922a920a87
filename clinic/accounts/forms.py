"""The forms of a member of staff and of a unit."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import formats
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.accounts import selectors, shares
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import CLINICAL

# What the model of a form reckons with; its package refuses other shares.
LOWEST_INCIDENCE, HIGHEST_INCIDENCE = Decimal("0.2"), Decimal("20")
LOWEST_FLAGGED, HIGHEST_FLAGGED = Decimal("1"), Decimal("50")
LOWEST_PREVALENCE, HIGHEST_PREVALENCE = Decimal("1"), Decimal("90")
_PERCENTAGE = re.compile(r"[0-9]{1,2}(?:[.,][0-9]{1,2})?")


class StaffForm(forms.ModelForm):
    """Name, role, units and, for somebody who exists, whether they may log in.

    Parameters
    ----------
    actor
        The administrator who fills it in: nobody takes their own rights away, so that somebody is left
        to give them back.
    """

    username = forms.CharField(
        label=_("User name"),
        max_length=60,
        validators=[
            RegexValidator(
                r"^[a-z][a-z0-9._-]*$",
                _("Use small letters without accents, digits, dots and hyphens, beginning with a letter."),
            )
        ],
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    is_active = forms.BooleanField(label=_("May log in"), required=False)

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "role", "units", "is_active")
        labels = {"role": _("Role"), "units": _("Units")}
        widgets = {"units": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        for name in ("first_name", "last_name"):
            self.fields[name].required = True
        self.fields["units"].help_text = _(
            "Midwives, radiologists, technicians and physicians see the patients of these."
        )
        if self.instance.pk is None:
            del self.fields["is_active"]

    def clean_username(self) -> str:
        """Refuse a name that differs from another only by case."""
        username = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("This user name is taken. Choose another."))
        return username

    def clean(self) -> dict[str, Any]:
        """Hold role, units and the administrator's own account against each other."""
        data = super().clean()
        role = data.get("role")
        if role in CLINICAL and not data.get("units"):
            self.add_error("units", _("Choose at least one unit: without one this person sees no patient."))
        if role and role not in CLINICAL and data.get("units"):
            self.add_error(
                "units", _("This role sees no patients. Leave the units empty, or choose another role.")
            )
        if self.instance == self.actor:
            if role and role != self.instance.role:
                self.add_error("role", _("Ask another administrator to change your own role."))
            if not data.get("is_active"):
                self.add_error("is_active", _("Ask another administrator to disable your own account."))
        return data


class ShareField(forms.CharField):
    """A share typed as a percentage, with a point or a comma; the value is between 0 and 1, or ``None``.

    Parameters
    ----------
    lowest, highest
        Limits in percent, inclusive.
    """

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, *, lowest: Decimal, highest: Decimal, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.lowest, self.highest = lowest, highest

    def clean(self, value: Any) -> float | None:
        """Return the share."""
        typed = re.sub(r"\s|%", "", super().clean(value))
        if not typed:
            return None
        percentage = Decimal(typed.replace(",", ".")) if _PERCENTAGE.fullmatch(typed) else None
        if percentage is None or not self.lowest <= percentage <= self.highest:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return float(percentage / 100)

    def prepare_value(self, value: Any) -> Any:
        """Write a stored share as a percentage of the language; what was typed stays as it was."""
        if not isinstance(value, float):
            return value
        percentage = f"{100 * value:.2f}".rstrip("0").rstrip(".")
        return formats.number_format(Decimal(percentage))


class UnitForm(forms.ModelForm):
    """Names and shares of a unit, and for a new one its code, among those the algorithms ask for.

    The code is fixed once the unit exists: it is the border of who sees which patient.
    """

    code = forms.ChoiceField(
        label=_("Studies of the unit"),
        error_messages={
            "invalid_choice": _("This unit exists already, or there is no such study. Choose another.")
        },
    )
    name_fr = forms.CharField(label=_("Name in French"), max_length=100)
    name_en = forms.CharField(label=_("Name in English"), max_length=100)
    incidence = ShareField(
        lowest=LOWEST_INCIDENCE,
        highest=HIGHEST_INCIDENCE,
        error_messages={
            "invalid": _("Write a percentage between 0.2 and 20, for example 3.5, or leave this empty.")
        },
        label=_("Severe haemorrhages in 100 births"),
        help_text=_(
            "The unit's own share of severe haemorrhages, 1000 mL or more, in percent: every risk is "
            "reckoned from it. Leave it empty and the model takes its own."
        ),
    )
    flag_share = ShareField(
        lowest=LOWEST_FLAGGED,
        highest=HIGHEST_FLAGGED,
        error_messages={
            "invalid": _("Write a percentage between 1 and 50, for example 10, or leave this empty.")
        },
        label=_("Women to be flagged in 100"),
        help_text=_(
            "How many women of 100 the unit can give particular attention, in percent: those with the "
            "highest risks are flagged. Leave it empty and the model takes its own."
        ),
    )
    prevalence = ShareField(
        lowest=LOWEST_PREVALENCE,
        highest=HIGHEST_PREVALENCE,
        error_messages={
            "invalid": _("Write a percentage between 1 and 90, for example 15, or leave this empty.")
        },
        label=_("Children with pneumonia in 100 sent"),
        help_text=_(
            "The unit’s own share of children with pneumonia among those sent for a chest X-ray, in "
            "percent: probability and operating point of every study sent from now on are stated for it. "
            "Leave it empty and the model takes that of its calibration."
        ),
    )

    class Meta:
        model = Unit
        fields = ("code", "name_fr", "name_en", *shares.ALL, "leads")
        labels = {"leads": _("Leads of the unit")}
        widgets = {"leads": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            language = get_language()
            self.fields["code"].choices = [(o.code, o.title.to(language)) for o in selectors.offers()]
            del self.fields["leads"]  # nobody works there yet
            return
        del self.fields["code"]
        self._offer_leads()
        for name in set(shares.ALL).difference(shares.taken(self.instance.code)):
            del self.fields[name]

    def _offer_leads(self) -> None:
        """Offer who works in the unit and may log in, by their names."""
        field = self.fields["leads"]
        field.queryset = self.instance.staff.filter(is_active=True).order_by("last_name", "first_name")
        field.label_from_instance = lambda person: person.label
        field.help_text = _(
            "They are told when somebody opens a record of the unit in an emergency. Without one, every "
            "administrator is."
        )

    def clean(self) -> dict[str, Any]:
        """Refuse a share that nothing would reckon with."""
        data = super().clean()
        code = data.get("code")
        for name in set(shares.ALL).difference(shares.taken(code) if code else shares.ALL):
            if data.get(name) is not None:
                self.add_error(name, _("The studies of this unit take no such share. Leave this empty."))
        return data

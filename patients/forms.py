"""Forms of patients, encounters and the search; bad input gets its sentence at the field."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.accounts.models import Unit, User
from patients import selectors
from patients.access import acting_units, for_user
from patients.folding import fold
from patients.models import Encounter, Patient, Research
from patients.validators import validate_birth_date, validate_record_number


class DateField(forms.DateField):
    """A day from the browser's own date field."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        super().__init__(input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"], **kwargs)
        self.error_messages["invalid"] = _("This is not a date. Write it as 1994-03-02 or 02/03/1994.")


class MomentField(forms.DateTimeField):
    """A day and time from the browser's own field, in the time zone of the hospital."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(
            input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M"], widget=widget, **kwargs
        )
        self.error_messages["invalid"] = _("This is not a date with a time. Write it as 2026-03-02 07:40.")


class SearchForm(forms.Form):
    """Whom to look for; at least one part."""

    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        required=False,
        help_text=_("Any part of family and given name; accents do not matter."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    record_number = forms.CharField(
        label=_("Record number"),
        max_length=32,
        required=False,
        help_text=_("Or its beginning."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    birth_date = DateField(label=_("Birth date"), required=False)

    def clean_name(self) -> str:
        """Refuse one letter: half the ward would match."""
        name = self.cleaned_data["name"]
        if name and len(fold(name).replace(" ", "")) < 2:
            raise forms.ValidationError(_("Type at least two letters of the name."))
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse an empty search."""
        data = super().clean()
        if not self.errors and not any(data.values()):
            raise forms.ValidationError(_("Type a name, a record number or a birth date."))
        return data


class PatientForm(forms.ModelForm):
    """Identity and units of a patient.

    Parameters
    ----------
    user
        Who fills it in.

    Attributes
    ----------
    alike
        Patients with the same name and birth date whom ``user`` may see.
    alike_elsewhere
        How many more there are in other units.
    """

    record_number = forms.CharField(
        label=_("Record number"),
        max_length=32,
        validators=[validate_record_number],
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    birth_date = DateField(label=_("Birth date"), validators=[validate_birth_date])
    research = forms.ChoiceField(
        label=_("Data without the name, to train and test the models"),
        choices=Research,
        required=False,
        help_text=_(
            "What the patient said after being told. Until somebody asked, nothing of theirs is learned from."
        ),
    )
    different = forms.BooleanField(label=_("It is a different person"), required=False)

    class Meta:
        model = Patient
        fields = ("record_number", "family_name", "given_name", "birth_date", "sex", "units", "research")
        labels = {"family_name": _("Family name"), "given_name": _("Given name"), "sex": _("Sex")}
        widgets = {
            "family_name": forms.TextInput(attrs={"autocomplete": "off"}),
            "given_name": forms.TextInput(attrs={"autocomplete": "off"}),
            "units": forms.CheckboxSelectMultiple,
        }

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.alike: list[Patient] = []
        self.alike_elsewhere = 0
        self.fields["units"].label = _("Units that care for this patient")
        self.fields["units"].help_text = _("Their staff can open the record.")
        if self.instance._state.adding:
            self.initial.setdefault("units", list(user.units.all()))

    def clean_record_number(self) -> str:
        """Refuse a number another patient has; in whatever case it was typed."""
        number = self.cleaned_data["record_number"].upper()
        if Patient.objects.filter(record_number__iexact=number).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(self.taken())
        return number

    def clean_research(self) -> str:
        """Leave it as it is where a form was sent without it."""
        return self.cleaned_data["research"] or self.instance.research

    @staticmethod
    def taken() -> str:
        """Return the sentence for a record number in use."""
        return _(
            "This record number is in use. Search for it; if the patient is cared for by another unit only, "
            "ask that unit to open the record to yours."
        )

    def clean_units(self) -> list[Unit]:
        """Let people open a record to any unit, but close it only for their own."""
        units = set(self.cleaned_data["units"])
        own = set(self.user.units.all())
        if not units & own:
            raise forms.ValidationError(
                _("Keep at least one of your own units, or you could not open the record.")
            )
        if not self.instance._state.adding and set(self.instance.units.all()) - own - units:
            raise forms.ValidationError(_("Only the staff of a unit can close the record for it."))
        return sorted(units, key=lambda unit: unit.code)

    def clean(self) -> dict[str, Any]:
        """Ask before a second record of the same person is made."""
        data = super().clean()
        names = {name: data.get(name) for name in ("family_name", "given_name", "birth_date")}
        changed = self.instance._state.adding or set(names) & set(self.changed_data)
        if all(names.values()) and changed and not data.pop("different", False):
            self._look_for_the_same(**names)
        data.pop("different", None)
        return data

    def _look_for_the_same(self, **names: Any) -> None:
        same = selectors.same_person(**names).exclude(pk=self.instance.pk)
        self.alike = list(for_user(self.user).filter(pk__in=same))
        self.alike_elsewhere = same.count() - len(self.alike)
        if self.alike or self.alike_elsewhere:
            raise forms.ValidationError(
                _("A patient with this name and birth date already has a record. Use it, or confirm below."),
                code="alike",
            )


class EncounterForm(forms.ModelForm):
    """A stay or visit; the unit is one in which ``user`` may act for ``patient``."""

    started_at = MomentField(label=_("From"))
    ended_at = MomentField(
        label=_("To"), required=False, help_text=_("Leave it empty while the stay goes on.")
    )

    class Meta:
        model = Encounter
        fields = ("unit", "location", "started_at", "ended_at")
        labels = {"unit": _("Unit"), "location": _("Place")}
        help_texts = {"location": _("Ward, room or bed.")}

    def __init__(self, *args: Any, user: User, patient: Patient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.patient = patient
        self.fields["unit"].queryset = acting_units(user, patient)
        self.initial.setdefault("unit", self.fields["unit"].queryset.first())
        self.initial.setdefault("started_at", timezone.localtime().replace(second=0, microsecond=0))

    def clean(self) -> dict[str, Any]:
        """Hold the two times against each other, the birth date and today."""
        data = super().clean()
        start, end = data.get("started_at"), data.get("ended_at")
        if start and timezone.localtime(start).date() < self.patient.birth_date:
            self.add_error("started_at", _("This is before the patient was born. Check the date."))
        if start and start > timezone.now() + timedelta(days=1):
            self.add_error("started_at", _("This is more than a day ahead. Check the date."))
        if start and end and end < start:
            self.add_error("ended_at", _("The stay would end before it began. Check both times."))
        return data

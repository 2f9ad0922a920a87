"""Patients and their encounters with the units of the hospital."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.accounts.models import Unit, User
from ml.contracts import Identity
from patients.folding import fold
from patients.validators import (
    completed_years,
    validate_birth_date,
    validate_name,
    validate_record_number,
)


class Sex(models.TextChoices):
    """Administrative sex, as in the record."""

    FEMALE = "F", _("Female")
    MALE = "M", _("Male")
    OTHER = "O", _("Other")
    UNKNOWN = "U", _("Unknown")


class Patient(models.Model):
    """A person cared for in one or more units."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    record_number = models.CharField(
        _("record number"), max_length=32, unique=True, validators=[validate_record_number]
    )
    family_name = models.CharField(_("family name"), max_length=100, validators=[validate_name])
    given_name = models.CharField(_("given name"), max_length=100, validators=[validate_name])
    birth_date = models.DateField(_("birth date"), validators=[validate_birth_date])
    sex = models.CharField(_("sex"), max_length=1, choices=Sex)
    units = models.ManyToManyField(Unit, related_name="patients")
    search_name = models.CharField(max_length=420, editable=False, db_index=True)
    invented = models.BooleanField(default=False, help_text=_("An invented person of the demo"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["family_name", "given_name"]

    def __str__(self) -> str:
        return f"{self.family_name.upper()}, {self.given_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, keeping the folded name that searches look in."""
        self.search_name = fold(f"{self.family_name} {self.given_name}")
        super().save(*args, **kwargs)

    @property
    def age(self) -> int:
        """Completed years today."""
        return completed_years(self.birth_date, timezone.localdate())

    @property
    def identity(self) -> Identity:
        """The identity on record, against which a file's is held."""
        return Identity(
            family_name=self.family_name,
            given_name=self.given_name,
            record_number=self.record_number,
            birth_date=self.birth_date,
            sex=self.sex if self.sex in (Sex.FEMALE, Sex.MALE) else "",
        )


class Encounter(models.Model):
    """A stay or visit of a patient in a unit."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="encounters")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="encounters")
    location = models.CharField(_("place"), max_length=60, blank=True)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]


class EmergencyReason(models.TextChoices):
    """Why somebody opens a record that is not open to their units."""

    LIFE = "life", _("Danger to life")
    TRANSFER = "transfer", _("The patient is arriving in my unit")
    ON_CALL = "on_call", _("On call for another unit")
    OPINION = "opinion", _("A colleague asked for my opinion")
    OTHER = "other", _("Another reason")


class EmergencyAccess(models.Model):
    """The record of one patient, opened by one person for four hours without their unit having it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="emergencies")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="emergencies")
    category = models.CharField(max_length=20, choices=EmergencyReason)
    reason = models.CharField(max_length=500)
    opened_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["user", "patient", "expires_at"])]

    def runs(self, at: datetime) -> bool:
        """Whether the record is open by it."""
        return self.ended_at is None and self.opened_at <= at < self.expires_at

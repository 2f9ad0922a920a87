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


class Research(models.TextChoices):
    """Whether a person lets their data, without their name, be learned from.

    Care data may be used again where the person was told and does not object; whom nobody told is left out.
    """

    UNKNOWN = "unknown", _("not asked yet")
    AGREED = "agreed", _("told, and agrees")
    REFUSED = "refused", _("refuses")


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
    research = models.CharField(
        _("use for research and training"),
        max_length=8,
        choices=Research,
        default=Research.UNKNOWN,
        db_default=Research.UNKNOWN,
    )
    research_at = models.DateTimeField(null=True, editable=False, help_text="When that was last recorded")
    research_by = models.ForeignKey(
        User, null=True, editable=False, on_delete=models.PROTECT, related_name="+", help_text="By whom"
    )
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
    """A stay or visit of a patient in a unit.

    One that was opened in an emergency names that access: the unit did not have the record then, so it says
    nothing to the patient's own team of where the patient is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="encounters")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="encounters")
    location = models.CharField(_("place"), max_length=60, blank=True)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)
    emergency = models.ForeignKey(
        "EmergencyAccess", null=True, editable=False, on_delete=models.PROTECT, related_name="stays"
    )

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


class LegalHold(models.Model):
    """Why nothing of a patient may be erased: a complaint, an inquiry, a court."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(_("reason"), max_length=500)
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    released_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    released_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-placed_at"]


class Ground(models.TextChoices):
    """On what ground somebody asks for an erasure."""

    REQUEST = "request", _("The person asks for it")
    RETENTION = "retention", _("The time it must be kept is over")
    MISTAKE = "mistake", _("It was recorded by mistake")
    CONSENT = "consent", _("The consent it rested on was withdrawn")


class ErasureState(models.TextChoices):
    """How far an erasure is."""

    REQUESTED = "requested", _("asked for")
    APPROVED = "approved", _("approved")
    ERASING = "erasing", _("being erased")
    SHREDDING = "shredding", _("files being removed")
    DONE = "done", _("erased")
    DECLINED = "declined", _("declined")
    WITHDRAWN = "withdrawn", _("withdrawn")
    STOPPED = "stopped", _("stopped by a legal hold")


class Erasure(models.Model):
    """An erasure from the request to the log that stays; the log names nobody but staff.

    ``ERASING`` never outlives a transaction: only within the one that erases do the triggers over signed work
    let rows of this patient go, and only where two persons agreed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.UUIDField(db_index=True, help_text="No foreign key: the log outlives the patient")
    study = models.UUIDField(null=True, help_text="Where one study goes, not the whole record")
    ground = models.CharField(_("ground"), max_length=10, choices=Ground)
    reason = models.CharField(_("reason"), max_length=500, blank=True, help_text="Emptied with the erasure")
    state = models.CharField(max_length=10, choices=ErasureState, default=ErasureState.REQUESTED)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    export_name = models.CharField(max_length=120, blank=True)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    content = models.CharField(
        max_length=64, blank=True, help_text="What the record held when its export was written"
    )
    export_taken_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    export_taken_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    files = models.JSONField(default=list, help_text="Generated names still to be removed from the disk")
    log = models.JSONField(default=dict, help_text="What went, in numbers")
    erased_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state__in=["approved", "erasing", "shredding", "done"])
                | (models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("requested_by"))),
                name="an_erasure_takes_two_persons",
            ),
            models.UniqueConstraint(
                fields=["patient"],
                condition=models.Q(state__in=["requested", "approved", "erasing", "shredding"]),
                name="one_open_erasure_per_patient",
            ),
        ]

"""What windows are held against, the reports over them, and the alerts that came of those."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from clinic.accounts.models import Unit
from ml import registry
from ml.contracts import Contract, Text
from predictions.models import Job, JobState

JOB_LOST = (JobState.FAILED, JobState.REFUSED)
"""A window that ended like this says nothing; its days are taken up again under another reference."""


class Against(models.TextChoices):
    """What a window is held against."""

    LIVE = "live", _("earlier studies of the unit")
    TRAINING = "training", _("the data of the training")


class Compared(models.Model):
    """Which studies a window is held against: earlier days of the unit, or a file beside the package.

    Parameters
    ----------
    reference_first, reference_last
        Days, inclusive, of earlier studies; none against a training.
    """

    against = models.CharField(max_length=8, choices=Against)
    reference_first = models.DateField(null=True)
    reference_last = models.DateField(null=True)

    class Meta:
        abstract = True

    @property
    def reference(self) -> tuple[str, object, object]:
        """What makes two references the same one."""
        return self.against, self.reference_first, self.reference_last


class Reference(Compared):
    """What the daily windows of a unit are held against, from when and by whom; the latest row counts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="None where the first studies of the unit were taken by themselves",
    )
    chosen_at = models.DateTimeField()

    class Meta:
        ordering = ["-chosen_at"]


class Report(Job, Compared):
    """One window of studies of one unit held against a reference. It names no patient and no small number."""

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    first_day = models.DateField(help_text="Of the window, inclusive, by the day the analysis ended")
    last_day = models.DateField(help_text="Inclusive")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="None for the windows of every day, which alone open and close alerts",
    )
    content = models.JSONField(null=True)
    states = models.JSONField(default=dict, help_text="Where each alert stands after this window")

    class Meta:
        ordering = ["-queued_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm", "unit", "first_day"],
                condition=Q(asked_by=None) & ~Q(state__in=JOB_LOST),
                name="one_window_per_first_day",
            )
        ]
        indexes = [models.Index(fields=["algorithm", "unit", "queued_at"])]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def daily(self) -> bool:
        """Whether it is one of the windows of every day."""
        return self.asked_by_id is None

    @property
    def days(self) -> int:
        """Length of the window."""
        return (self.last_day - self.first_day + timedelta(days=1)).days


class Alert(models.Model):
    """Something that stayed moved over several windows, until it was back for several."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=80, help_text="Such as drift:age, missing:platelets, calibration")
    said = models.JSONField(help_text="What moved and by how much when it opened, in both languages")
    opened_by = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="opened")
    opened_at = models.DateTimeField()
    closed_by = models.ForeignKey(Report, null=True, on_delete=models.PROTECT, related_name="closed")
    closed_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True, help_text="What the steward made of it")

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm", "unit", "key"],
                condition=Q(closed_at=None),
                name="one_open_alert_per_thing",
            )
        ]

    @property
    def text(self) -> Text:
        """What moved, in both languages."""
        return Text.from_json(self.said)

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

"""What a birth came to: the label of the haemorrhage model."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from patients.models import Encounter

# What the haemorrhage model predicts: 1000 mL or more within 24 hours.
SEVERE_ML = 1000


class LossMethod(models.TextChoices):
    """How blood loss was measured, the most exact first."""

    WEIGHED = "weighed", _("weighed")
    COLLECTOR = "collector", _("collector bag")
    ESTIMATED = "estimated", _("estimated by eye")


class BloodLoss(models.Model):
    """Blood lost within 24 hours of the birth of one encounter; a correction is the next row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    encounter = models.ForeignKey(Encounter, on_delete=models.PROTECT, related_name="blood_losses")
    number = models.PositiveSmallIntegerField(help_text="1, and one more for each correction")
    millilitres = models.PositiveIntegerField()
    method = models.CharField(max_length=10, choices=LossMethod)
    measured_at = models.DateTimeField()
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()
    reason = models.TextField(blank=True, help_text="Why the row before it had to be corrected")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["encounter", "number"], name="one_blood_loss_per_number")
        ]

    @property
    def severe(self) -> bool:
        """Whether it is what the model predicts."""
        return self.millilitres >= SEVERE_ML

"""Which channel of a recorder is which, as a unit's staff confirmed it; rows are never changed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from clinic.accounts.models import Unit


class ChannelMapping(models.Model):
    """One confirmed mapping of the channels of recordings that carry one set of labels.

    The next confirmation is the next row; the latest is offered.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="channel_mappings")
    labels_sha256 = models.CharField(max_length=64, help_text="Of the set of labels of the recording")
    labels = models.JSONField(help_text="The labels, sorted")
    options = models.JSONField(help_text="Channel by use: frontal, posterior, eog, emg, spo2, flow")
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="channel_mappings"
    )
    confirmed_at = models.DateTimeField()

    class Meta:
        ordering = ["-confirmed_at"]
        indexes = [models.Index(fields=["unit", "labels_sha256", "-confirmed_at"], name="mapping_of_labels")]

"""Short questions that a worker answers while somebody waits."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class InquiryKind(models.TextChoices):
    """What is asked through the APIs kept compatible with the seeds."""

    SLEEP_EPOCH = "sleep_epoch", _("Stage of one epoch")
    SLEEP_MODEL = "sleep_model", _("Description of the sleep model")
    CREDIT = "credit", _("Credit applications")
    WHAT_IF = "what_if", _("What if an answer were another one")


class Inquiry(models.Model):
    """A short question, answered by a worker while the web process waits; then deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=InquiryKind)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_index=True)
    question = models.JSONField()
    answer = models.JSONField(null=True)
    problems = models.JSONField(default=list)
    answered_at = models.DateTimeField(null=True)

"""Results written out for use outside, and forms not yet sent."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ml.contracts import Problem
from patients.models import Patient
from predictions.models.reading import Signature
from predictions.models.result import Prediction
from predictions.models.study import Study


class DocumentState(models.TextChoices):
    """How far a document is."""

    REQUESTED = "requested", _("being written")
    READY = "ready", _("ready")
    FAILED = "failed", _("failed")


class Document(models.Model):
    """A result written out for use outside: one kind, one language, one version (or the unsigned draft)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="documents")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="documents")
    signature = models.ForeignKey(
        Signature,
        null=True,
        on_delete=models.PROTECT,
        related_name="documents",
        help_text="The signed version it shows; none for a draft",
    )
    kind = models.CharField(max_length=20, help_text="A kind of predictions.outputs.registry")
    language = models.CharField(max_length=2, choices=[("fr", "Français"), ("en", "English")])
    state = models.CharField(max_length=10, choices=DocumentState, default=DocumentState.REQUESTED)
    problems = models.JSONField(default=list, help_text="Why it failed")
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    stored_name = models.CharField(max_length=120, blank=True)
    media_type = models.CharField(max_length=60, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["signature", "kind", "language"],
                condition=models.Q(signature__isnull=False),
                name="one_document_per_signed_version",
            )
        ]
        indexes = [models.Index(fields=["state", "sent_at"])]

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)


class Draft(models.Model):
    """A half-filled form, kept for whoever fills it in, so that a session may end in the middle of it."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="drafts")
    algorithm = models.CharField(max_length=40)
    values = models.JSONField(default=dict, help_text="As typed, unchecked")
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["-saved_at"]
        constraints = [
            models.UniqueConstraint(fields=["author", "patient", "algorithm"], name="one_draft_per_form")
        ]

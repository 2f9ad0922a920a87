"""The list of who opened a record, written out for the patient."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from ml.contracts import Problem
from patients.models import Patient
from predictions.models.document import DocumentState


class Disclosure(models.Model):
    """One such list as a PDF: written by a worker, thrown away after a day."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="disclosures")
    language = models.CharField(max_length=2, choices=[("fr", "Français"), ("en", "English")])
    state = models.CharField(max_length=10, choices=DocumentState, default=DocumentState.REQUESTED)
    problems = models.JSONField(default=list, help_text="Why it failed")
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    stored_name = models.CharField(max_length=120, blank=True)
    size = models.BigIntegerField(default=0)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "sent_at"])]

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)

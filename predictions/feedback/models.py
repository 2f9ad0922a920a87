"""A training set from the question to the file, and who was in it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ml import registry
from ml.contracts import Contract
from patients.models import Patient
from predictions.models import Job


class RequestState(models.TextChoices):
    """How far a request is."""

    ASKED = "asked", _("asked for")
    APPROVED = "approved", _("approved")
    DECLINED = "declined", _("declined")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Request(models.Model):
    """A model steward's wish to train on what was signed here, and what a second person said to it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    number = models.PositiveIntegerField(help_text="Counted per algorithm")
    purpose = models.CharField(max_length=500, help_text="What it is for; written into the set")
    invented = models.BooleanField(default=False, help_text="Whether invented patients of the demo go too")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=RequestState, default=RequestState.ASKED)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it was declined")

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state="approved")
                | (models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("asked_by"))),
                name="a_training_set_takes_two_persons",
            ),
            models.UniqueConstraint(fields=["algorithm", "number"], name="one_training_set_per_number"),
        ]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def made(self) -> TrainingSet | None:
        """What came of it, ``None`` before it is approved."""
        return TrainingSet.objects.filter(request=self).first()


class TrainingSet(Job):
    """The file: written by a worker, encrypted in private storage, thrown away after a week."""

    request = models.OneToOneField(Request, on_delete=models.PROTECT, related_name="training_set")
    stored_name = models.CharField(max_length=120, blank=True, help_text="Empty once the file is deleted")
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(default=dict, help_text="Examples, patients, and what was left out and why")
    deleted_at = models.DateTimeField(null=True)
    taken = models.PositiveIntegerField(default=0, help_text="How often the file was taken out of the house")

    class Meta:
        ordering = ["-queued_at"]


class Included(models.Model):
    """That a patient is in a training set, and what they are called there: for the patient's right to know.

    It outlives the file, because copies of it may be elsewhere.
    """

    training_set = models.ForeignKey(TrainingSet, on_delete=models.CASCADE, related_name="included")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="training_sets")
    name = models.CharField(max_length=40, help_text="The pseudonym in that set")
    examples = models.PositiveIntegerField()
    withdrawn_at = models.DateTimeField(null=True, help_text="When the patient no longer agreed")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["training_set", "patient"], name="one_line_per_patient_and_set")
        ]

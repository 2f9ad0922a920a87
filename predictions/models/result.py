"""What the analysis answered: predictions, their reasons and the files made on the way."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from predictions.models.study import Study


class Prediction(models.Model):
    """What one package answered for a study. Never changed once written."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="predictions")
    package_version = models.CharField(max_length=40)
    package_sha256 = models.CharField(max_length=64)
    result = models.JSONField()
    report = models.JSONField()
    problems = models.JSONField(default=list, help_text="Warnings that travel with the result")
    quality = models.JSONField(default=list)
    timings_ms = models.JSONField(default=dict)
    runtime = models.JSONField(
        default=dict, help_text="What it was computed on (ml.runtime); empty where nobody wrote it down"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "package_sha256"], name="one_prediction_per_study_and_package"
            )
        ]


class ExplanationStatus(models.TextChoices):
    """The explanation's own fate: its failure never loses a prediction."""

    OK = "ok", _("available")
    FAILED = "failed", _("failed")
    ABSENT = "absent", _("not computed")


class Explanation(models.Model):
    """Why the model said so."""

    prediction = models.OneToOneField(Prediction, on_delete=models.PROTECT, related_name="explanation")
    status = models.CharField(max_length=8, choices=ExplanationStatus)
    method = models.CharField(max_length=40, blank=True)
    sentence = models.JSONField(default=dict, help_text="In both languages")
    data = models.JSONField(default=dict)
    package_version = models.CharField(max_length=40)
    package_sha256 = models.CharField(max_length=64)


class StoredArtefact(models.Model):
    """A file the analysis produced (preview, heat map, signal), in private storage."""

    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="artefacts")
    name = models.CharField(max_length=60)
    media_type = models.CharField(max_length=60)
    stored_name = models.CharField(max_length=120, unique=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prediction", "name"], name="one_artefact_per_name")]

"""What people saw, wrote, judged and signed; none of these rows is ever changed."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from predictions.models.result import Prediction
from predictions.models.study import Study


class Verdict(models.TextChoices):
    """What a reader thinks of a result."""

    AGREE = "agree", _("Agree")
    DISAGREE = "disagree", _("Disagree")
    CANNOT_ASSESS = "cannot_assess", _("Cannot assess")


class Reason(models.TextChoices):
    """Why a reader disagrees or cannot assess."""

    CLINICAL = "clinical", _("Clinical information the model does not have")
    POOR_INPUT = "poor_input", _("Poor input")
    FALSE_POSITIVE = "false_positive", _("Known false positive")
    PREFERENCE = "preference", _("Patient preference")
    OTHER = "other", _("Other")
    UNSEEN = "unseen", _("Silent evaluation: signed before the answer was shown")


GIVEN_REASONS = [(code, label) for code, label in Reason.choices if code != Reason.UNSEEN]
"""What a reader may choose from; that an answer was unseen is no opinion, and only a signature says it."""


class Impression(models.TextChoices):
    """What a reader sees in an X-ray before anything of the algorithm."""

    NORMAL = "normal", _("Normal")
    PNEUMONIA = "pneumonia", _("Pneumonia")
    OTHER = "other", _("Other abnormality")
    CANNOT_ASSESS = "cannot_assess", _("Cannot assess")


class Confidence(models.TextChoices):
    """How sure a reader is of a first impression."""

    SURE = "sure", _("Sure")
    FAIRLY = "fairly", _("Fairly sure")
    UNSURE = "unsure", _("Unsure")


class FirstRead(models.Model):
    """A reader's own impression, committed before the answer was shown to them; written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="first_reads")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="first_reads")
    prediction = models.ForeignKey(
        Prediction, on_delete=models.PROTECT, related_name="first_reads", help_text="Which it preceded"
    )
    impression = models.CharField(max_length=14, choices=Impression)
    confidence = models.CharField(max_length=8, choices=Confidence)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["study", "reader"], name="one_first_read_per_reader")]


class ReadingReport(models.Model):
    """One saved version of what somebody writes of a study; written once, the next save is the next row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reading_reports")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reading_reports"
    )
    number = models.PositiveIntegerField(help_text="1, and one more per save of this author")
    fields = models.JSONField(default=dict, help_text="By field of the contract's reading")
    language = models.CharField(max_length=2, choices=[("fr", "Français"), ("en", "English")])
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["saved_at", "number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "author", "number"], name="one_reading_per_number")
        ]


class Review(models.Model):
    """One reader's opinion of one prediction; a changed mind is a new row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="reviews")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=14, choices=Verdict)
    reason = models.CharField(max_length=14, choices=Reason, blank=True)
    comment = models.TextField(blank=True)
    changed_mind = models.BooleanField(
        null=True, help_text="Whether it departs from the first read; null without one, or when neither says"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at"]


class Signature(models.Model):
    """A signed version of a study's report; immutable. An amendment is the next version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="signatures")
    version = models.PositiveSmallIntegerField()
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="signatures")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="signatures")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signatures")
    signed_at = models.DateTimeField()
    amendment_reason = models.TextField(blank=True)
    reading = models.ForeignKey(
        ReadingReport,
        null=True,
        on_delete=models.PROTECT,
        related_name="signatures",
        help_text="The version of the written report that was signed; none where none is written",
    )
    first_read = models.ForeignKey(
        FirstRead, null=True, on_delete=models.PROTECT, related_name="signatures", help_text="The signer's"
    )
    hypnogram = models.OneToOneField(
        "predictions.ReportedHypnogram",
        null=True,
        on_delete=models.PROTECT,
        related_name="signature",
        help_text="Of a night, what its scorers made of the draft; none for other studies",
    )
    content_version = models.PositiveSmallIntegerField(
        default=1,
        help_text="Which canonical content the hash is of: 2 holds report and first read, 3 the hypnogram",
    )
    content_sha256 = models.CharField(max_length=64, help_text="Of the canonical signed content")

    class Meta:
        ordering = ["version"]
        constraints = [models.UniqueConstraint(fields=["study", "version"], name="one_signature_per_version")]


class Amendment(models.Model):
    """A signed study opened again: who, when, why. The next signature closes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="amendment")
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="amendments"
    )
    opened_at = models.DateTimeField()
    reason = models.TextField()

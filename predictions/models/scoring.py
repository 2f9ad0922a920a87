"""A night scored by people: every keystroke an event, nothing of it ever changed, and what was reported."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from predictions.models.result import Prediction
from predictions.models.study import Study


class Origin(models.TextChoices):
    """What a scoring began with."""

    DRAFT = "draft", _("the draft")
    SIGNED = "signed", _("what was signed")
    SCORING = "scoring", _("another scoring")
    BLANK = "blank", _("an empty night")


class Kind(models.TextChoices):
    """What a scorer does to a night."""

    STAGE = "stage", _("stage")
    AROUSAL = "arousal", _("arousal")
    ARTEFACT = "artefact", _("artefact")
    COMMENT = "comment", _("comment")
    LIGHTS_OFF = "lights_off", _("lights off")
    LIGHTS_ON = "lights_on", _("lights on")
    SEEN = "seen", _("looked at")
    UNDO = "undo", _("undo")
    REDO = "redo", _("redo")
    CLOSE = "close", _("close")
    REOPEN = "reopen", _("open again")
    WITHDRAW = "withdraw", _("withdraw")


class Scoring(models.Model):
    """One person's scoring of one night: a beginning, and the events that follow it.

    It belongs to the prediction it began with and stays with it when a later one takes its place. The row
    says how far it is; what was scored stands in its events alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="scorings")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="scorings")
    scorer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="scorings")
    version = models.PositiveSmallIntegerField(
        help_text="Of the report it is made for; 1 before any signature"
    )
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.DRAFT)
    source = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="continued", help_text="What it began with"
    )
    source_number = models.PositiveIntegerField(default=0, help_text="Last event of the source taken over")
    blind = models.BooleanField(
        default=True, help_text="Whether nobody else’s scoring was open to the scorer when it began"
    )
    number = models.PositiveIntegerField(default=0, help_text="Of the last event")
    started_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    unfinished = models.BooleanField(
        default=False, help_text="Ended by somebody’s signature, or withdrawn by its scorer"
    )

    class Meta:
        ordering = ["started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "scorer"],
                condition=models.Q(closed_at__isnull=True),
                name="one_open_scoring_per_scorer",
            )
        ]

    @property
    def finished(self) -> bool:
        """Whether its scorer closed it."""
        return self.closed_at is not None and not self.unfinished


class ScoringEvent(models.Model):
    """One thing a scorer did; written once. Undoing it is another event."""

    scoring = models.ForeignKey(Scoring, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField(help_text="1, and one more per event of this scoring")
    event = models.UUIDField(help_text="The scorer’s own id of it: sent again, it is the same event")
    kind = models.CharField(max_length=10, choices=Kind)
    epoch = models.PositiveIntegerField(null=True, help_text="From 0")
    seconds = models.FloatField(null=True, help_text="From the start of the recording")
    duration = models.FloatField(null=True, help_text="In seconds")
    value = models.CharField(max_length=4, blank=True, help_text="A stage, or on and off")
    text = models.TextField(blank=True)
    target = models.UUIDField(null=True, help_text="The event that is undone or redone")
    window = models.CharField(max_length=36, blank=True, help_text="Of the browser it was done in")
    at = models.DateTimeField(help_text="By the scorer’s own clock")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["scoring", "number"], name="one_scoring_event_per_number"),
            models.UniqueConstraint(fields=["scoring", "event"], name="one_scoring_event_per_id"),
        ]


class ReportedHypnogram(models.Model):
    """The hypnogram that a signature stands for, with its statistics; written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    prediction = models.ForeignKey(
        Prediction, on_delete=models.PROTECT, related_name="reported", help_text="Whose draft was scored"
    )
    scoring = models.ForeignKey(
        Scoring, null=True, on_delete=models.PROTECT, related_name="reported", help_text="None for the draft"
    )
    number = models.PositiveIntegerField(default=0, help_text="Last event of the scoring that it holds")
    content = models.JSONField(help_text="Stages, marks, lights, comments and statistics as they were signed")
    agreement = models.JSONField(null=True, help_text="Of the draft with it; none where the grids differ")

    class Meta:
        verbose_name = _("reported hypnogram")

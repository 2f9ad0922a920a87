"""Counts that only ever grow: nothing in them says whom they came from."""

from __future__ import annotations

from django.db import models


class Tally(models.Model):
    """One series of a metric: how often each of its buckets was hit since this installation began.

    Counted from the rows of studies once and kept apart from them: a row that an erasure takes away would
    otherwise make a counter fall, which monitoring reads as a restart and a burst of everything before.
    """

    metric = models.CharField(max_length=60)
    labels = models.CharField(max_length=300, help_text="Values of its labels as JSON, in their order")
    counts = models.JSONField(help_text="Per bucket, not cumulated; one number for a counter")
    total = models.FloatField(default=0, help_text="Sum of what was observed")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["metric", "labels"], name="one_tally_per_series")]


class Mark(models.Model):
    """How far one source of events was counted; the row that whoever counts holds."""

    source = models.CharField(max_length=20, primary_key=True)
    until = models.DateTimeField(help_text="Of the latest event counted")


class Counted(models.Model):
    """An event counted lately: rows are committed in another order than their times."""

    source = models.CharField(max_length=20)
    key = models.CharField(max_length=32, help_text="Hash of its number")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key", "at"], name="counted_once")]
        indexes = [models.Index(fields=["source", "at"])]

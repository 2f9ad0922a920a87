"""A batch, the files it brought, its rows, the chunks workers take, and what was written of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ml import registry
from ml.contracts import Contract, InputKind, Problem
from predictions.models import Job


class Stage(models.TextChoices):
    """Where a batch is on its way."""

    PREPARED = "prepared", _("columns to be named")
    READING = "reading", _("being read")
    ANSWERING = "answering", _("being answered")
    WRITING = "writing", _("result being written")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")


GOING_ON = (Stage.READING, Stage.ANSWERING, Stage.WRITING)


class ItemState(models.TextChoices):
    """How far one row, or one study, of a batch is."""

    WAITING = "waiting", _("waiting")
    OK = "ok", _("answered")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")
    WITHDRAWN = "withdrawn", _("withdrawn")


# What can be asked again: a refused row would be refused again by the same package.
REPEATABLE = (ItemState.FAILED, ItemState.WITHDRAWN)


class Batch(models.Model):
    """What somebody sent to be answered at once; it belongs to no patient's record.

    One package answers all of it, whatever serves meanwhile. Deleted by whoever sent it, or by the sweep
    after ``BATCH_DAYS``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="batches")
    created_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64, help_text="Hash of everything sent under the key")
    language = models.CharField(max_length=2, help_text="Of the sentences in the result")
    options = models.JSONField(default=dict, help_text="What the unit has set, when it was sent")
    package_version = models.CharField(max_length=40)
    package_sha256 = models.CharField(max_length=64)
    header = models.JSONField(default=list, help_text="Names of the columns of a table")
    columns = models.JSONField(default=dict, help_text="Column → field; empty for one left aside")
    file_name = models.CharField(
        max_length=255, blank=True, help_text="Of the first file, as sent; may identify, never logged"
    )
    file_count = models.PositiveIntegerField(default=1, help_text="Files sent; an archive is one")
    stage = models.CharField(max_length=10, choices=Stage)
    problems = models.JSONField(default=list, help_text="Why nothing of it could be answered")
    left_out = models.PositiveIntegerField(default=0, help_text="Files of an archive that are no input")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["created_by", "idempotency_key"], name="one_batch_per_idempotency_key"
            )
        ]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def tabular(self) -> bool:
        """Whether its rows are those of a table."""
        return self.contract.input_kind is InputKind.FORM

    @property
    def goes_on(self) -> bool:
        """Whether workers have something to do for it."""
        return self.stage in GOING_ON

    @property
    def further_files(self) -> int:
        """How many files came beside the first."""
        return max(0, self.file_count - 1)

    @property
    def look(self) -> str:
        """The state whose shape and colour its stage has on the pages."""
        return "running" if self.goes_on else "ready" if self.stage == Stage.PREPARED else self.stage

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)


class Step(models.TextChoices):
    """What a worker does for a batch: take apart what was sent, answer some rows, write the result."""

    READ = "read"
    ANSWER = "answer"
    WRITE = "write"


class Chunk(Job):
    """One piece of work on a batch. Answers lie in a file of its own until the result is written."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="chunks")
    step = models.CharField(max_length=10, choices=Step)
    offset = models.PositiveBigIntegerField(default=0, help_text="Where its rows begin, in bytes")
    length = models.PositiveBigIntegerField(default=0)
    stored_name = models.CharField(max_length=120, blank=True, help_text="Its answers; empty before")

    class Meta:
        indexes = [models.Index(fields=["batch", "step", "state"])]


class Item(models.Model):
    """One row of a table, or one study of images or one recording, and how it ended."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="items")
    chunk = models.ForeignKey(Chunk, null=True, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveIntegerField(help_text="Counted from 1, in the order sent")
    name = models.CharField(
        max_length=255, blank=True, help_text="Of its file, or the sender's own number of it; never logged"
    )
    state = models.CharField(max_length=10, choices=ItemState, default=ItemState.WAITING)
    problems = models.JSONField(default=list)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_item_per_number")]
        indexes = [models.Index(fields=["batch", "state"])]

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)


class Holding(models.TextChoices):
    """What a file of a batch holds: what was sent, the rows of a table, an image or a recording."""

    SENT = "sent"
    ROWS = "rows"
    INPUT = "input"


class BatchFile(models.Model):
    """A private file of a batch, kept until nothing can be asked of it any more."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="files")
    item = models.ForeignKey(Item, null=True, on_delete=models.CASCADE, related_name="files")
    holding = models.CharField(max_length=10, choices=Holding)
    number = models.PositiveIntegerField(default=0)
    original_name = models.CharField(max_length=255, help_text="As sent; never logged")
    stored_name = models.CharField(max_length=120)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["number", "pk"]


class Format(models.TextChoices):
    """How a result is written."""

    CSV = "csv", "CSV"
    PARQUET = "parquet", "Parquet"


MEDIA_TYPES = {Format.CSV: "text/csv; charset=utf-8", Format.PARQUET: "application/vnd.apache.parquet"}


class Output(models.Model):
    """The result of a batch in one format."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="outputs")
    format = models.CharField(max_length=10, choices=Format)
    stored_name = models.CharField(max_length=120)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "format"], name="one_output_per_format")]

"""Work in the background of the wards: what a steward, a batch or a shadow asked a worker to do."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from ml.contracts import Problem


class JobState(models.TextChoices):
    """Where a job is on its way."""

    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")
    WITHDRAWN = "withdrawn", _("withdrawn")


JOB_PENDING = (JobState.QUEUED, JobState.RUNNING)
JOB_ENDED = (JobState.DONE, JobState.REFUSED, JobState.FAILED, JobState.WITHDRAWN)


class Job(models.Model):
    """A row that a worker takes under a lease, does, and writes its end into.

    A kind of job is a model of its own with what it is asked and what came of it, and an entry of
    :mod:`predictions.jobs`. Clinicians' studies go before any job of the same queue.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    problems = models.JSONField(default=list, help_text="Why it was refused or failed")
    queued_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0, help_text="Workers lost while at it")
    lease = models.UUIDField(null=True, editable=False, help_text="Who is at it")
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)

"""A training on the hospital's own table, and the decisions which version of a model serves."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ml import registry
from ml.contracts import Contract, Problem, Text
from predictions.stewardship.states import Stage, State


class Training(models.Model):
    """One uploaded table, what a worker found in it, and the package that came of it.

    The table itself is deleted when the training has ended, or after a day; everything here stays and
    holds no row of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    number = models.PositiveIntegerField(help_text="Counted per algorithm; names the version it may give")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="trainings"
    )
    uploaded_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64)
    original_name = models.CharField(max_length=255, help_text="As sent; never logged")
    stored_name = models.CharField(max_length=120, blank=True, help_text="Empty once the file is deleted")
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    header = models.JSONField(help_text="Names of the columns")
    mapping = models.JSONField(default=dict, help_text="Which column is what, as in mapping.yaml")
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED)
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.REPORT)
    problems = models.JSONField(default=list, help_text="Why the table was refused, or the work failed")
    report = models.JSONField(null=True, help_text="Counts of what is in the table, never a row")
    outcome = models.JSONField(null=True, help_text="Tier, figures and reasons, as the training gave them")
    progress = models.JSONField(default=dict, help_text="The step a worker is at, in both languages")
    compared_version = models.CharField(max_length=40, blank=True, help_text="What served when it was judged")
    compared_sha256 = models.CharField(max_length=64, blank=True)
    package_version = models.CharField(max_length=40, blank=True, help_text="Empty unless accepted")
    package_sha256 = models.CharField(max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0, help_text="Workers lost while at it")
    lease = models.UUIDField(null=True, editable=False, help_text="Who is at it")
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-uploaded_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["uploaded_by", "idempotency_key"], name="one_training_per_idempotency_key"
            ),
            models.UniqueConstraint(fields=["algorithm", "number"], name="one_training_per_number"),
        ]
        indexes = [models.Index(fields=["state", "lease_until"])]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def version(self) -> str:
        """The version its package has, if there is one."""
        return f"site-{self.number:04d}"

    @property
    def tier(self) -> str:
        """How much of the model was learned here; empty before."""
        return (self.outcome or {}).get("tier", "")

    @property
    def synthetic(self) -> bool:
        """Whether its births are simulated: the mapping says so, or a column of the table does."""
        return bool(self.mapping.get("synthetic") or (self.report or {}).get("synthetic"))

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)

    @property
    def reasons(self) -> tuple[Text, ...]:
        """Why the gate did not accept the candidate."""
        return tuple(Text.from_json(reason) for reason in (self.outcome or {}).get("reasons", ()))


class Decision(models.TextChoices):
    """What was decided about service."""

    SERVE = "serve", _("put into service")
    ROLL_BACK = "roll_back", _("returned to the former version")


class ServingDecision(models.Model):
    """Which version of an algorithm serves from when, who decided it and why. Written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    number = models.PositiveIntegerField(help_text="Counted per algorithm: of two at once, one is refused")
    decision = models.CharField(max_length=10, choices=Decision)
    version = models.CharField(max_length=40)
    package_sha256 = models.CharField(max_length=64)
    replaced_version = models.CharField(max_length=40)
    replaced_sha256 = models.CharField(max_length=64)
    training = models.ForeignKey(
        Training, null=True, on_delete=models.PROTECT, related_name="serving_decisions"
    )
    reason = models.TextField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="serving_decisions"
    )
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["algorithm", "number"], name="one_serving_decision_per_number")
        ]

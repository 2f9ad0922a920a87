"""What was asked: a study and the files it was sent with."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from clinic.accounts.models import Unit
from ml import registry
from ml.contracts import Contract, Problem
from patients.models import Encounter, Patient
from predictions.states import State

if TYPE_CHECKING:
    from predictions.models.result import Prediction


class Study(models.Model):
    """One question put to one algorithm about one patient."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="studies")
    encounter = models.ForeignKey(
        Encounter, null=True, blank=True, on_delete=models.PROTECT, related_name="studies"
    )
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="studies")
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="studies"
    )
    submitted_at = models.DateTimeField()
    idempotency_key = models.CharField(max_length=64)
    fingerprint = models.CharField(
        max_length=64, help_text="Of what was sent: the same key must bring the same"
    )
    values = models.JSONField(default=dict, help_text="Checked field values of a form")
    options = models.JSONField(default=dict, help_text="Choices of the sender, such as channel names")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    problems = models.JSONField(default=list, help_text="Why it was refused or failed")
    warnings = models.JSONField(default=list, help_text="What intake noticed and a reader should know")
    answer = models.JSONField(null=True, help_text="What a refusal can say all the same; never a score")
    attempts = models.PositiveSmallIntegerField(default=0)
    deaths = models.PositiveSmallIntegerField(default=0, help_text="Workers lost while analysing it")
    repeats = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="repetitions",
        help_text="The answered study whose files it has another version analyse",
    )  # fmt: skip
    repeats_with = models.CharField(  # noqa: DJ001
        # Null where it repeats none: the column comes without SQLite remaking a table that triggers look at.
        max_length=40, null=True, editable=False, help_text="The version in service when that was asked"
    )  # fmt: skip
    lease = models.UUIDField(null=True, editable=False, help_text="Who is analysing it")
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text="When its message last went to the broker")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-submitted_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["submitted_by", "idempotency_key"], name="one_study_per_idempotency_key"
            ),
            models.UniqueConstraint(
                fields=["repeats", "repeats_with"],
                condition=models.Q(repeats__isnull=False),
                name="one_repetition_per_version",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "lease_until"]),
            models.Index(fields=["unit", "state"]),
            models.Index(fields=["finished_at"], name="ended_studies"),
        ]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def file(self) -> StudyFile | None:
        """The first file sent, none for a form."""
        return next(iter(self.files.all()), None)

    @property
    def prediction(self) -> Prediction | None:
        """The answer that serves: the latest one."""
        return next(iter(self.predictions.all()), None)

    @property
    def problem_list(self) -> tuple[Problem, ...]:
        """The stored problems as dataclasses."""
        return tuple(Problem.from_json(problem) for problem in self.problems)


class StudyFile(models.Model):
    """One uploaded file of a study, under a generated name."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="files")
    number = models.PositiveSmallIntegerField(default=0, help_text="Place in the order sent, from 0")
    name = models.CharField(max_length=120, unique=True, help_text="Generated name in private storage")
    original_name = models.CharField(max_length=255, help_text="As sent; may identify, never logged")
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="one_file_per_number"),
            # The same bytes twice are one image sent twice, never two views.
            models.UniqueConstraint(fields=["study", "sha256"], name="one_file_per_content"),
        ]

"""The product's own registry of versions, and the proposals to put one of them into service."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ml import registry
from ml.contracts import Contract
from ml.operating_points import OperatingPoint
from ml.promotion import Verdict
from predictions.models.job import JOB_PENDING, Job, JobState
from predictions.stewardship.models import ServingDecision


class Origin(models.TextChoices):
    """Where a package was made."""

    SHIPPED = "shipped", _("came with the product")
    SITE = "site", _("trained here")


class ModelVersion(models.Model):
    """A package that was seen on disk, as a prediction pins it: by its hash."""

    algorithm = models.CharField(max_length=40)
    version = models.CharField(max_length=100)
    package_sha256 = models.CharField(max_length=64)
    origin = models.CharField(max_length=10, choices=Origin)
    serves = models.BooleanField(help_text="Whether it may answer studies at all")
    metrics = models.JSONField(help_text="Figures of its manifest")
    made_at = models.DateTimeField(help_text="When the package was written")
    registered_at = models.DateTimeField()
    mlflow_version = models.CharField(max_length=20, blank=True, help_text="Empty where MLflow knows it not")
    mlflow_run = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["algorithm", "-made_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm", "version", "package_sha256"], name="one_row_per_package"
            )
        ]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)


class Answer(models.TextChoices):
    """What became of a proposal that passed the gate."""

    APPROVED = "approved", _("approved")
    DECLINED = "declined", _("declined")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Stage(models.TextChoices):
    """Where a proposal is, as its page says it."""

    JUDGING = "judging", _("being judged")
    REFUSED = "refused", _("refused by the gate")
    FAILED = "failed", _("failed")
    OPEN = "open", _("waiting for a second person")
    APPROVED = "approved", _("approved")
    DECLINED = "declined", _("declined")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Proposal(Job):
    """One person's proposal that a version should serve; a worker judges it, a second person decides.

    Of one algorithm one at a time is open. ``queued_at`` is when it was proposed.
    """

    number = models.PositiveIntegerField(help_text="Counted per algorithm")
    version = models.CharField(max_length=100)
    package_sha256 = models.CharField(max_length=64)
    serving_version = models.CharField(max_length=100, help_text="What served when it was proposed")
    serving_sha256 = models.CharField(max_length=64)
    reason = models.TextField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    open = models.BooleanField(default=True, help_text="Until the gate refuses it or somebody decides")
    verdict = models.JSONField(null=True, help_text="What the gate found, criterion by criterion")
    point = models.JSONField(null=True, help_text="Its operating point, derived anew at the unit's settings")
    shadow = models.JSONField(null=True, help_text="What running it in the shadow has shown, if it ran")
    answer = models.CharField(max_length=10, choices=Answer, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)
    answer_reason = models.TextField(blank=True)
    confirmed_threshold = models.FloatField(null=True, help_text="As the second person wrote it")
    serving_decision = models.OneToOneField(
        ServingDecision, null=True, on_delete=models.PROTECT, related_name="proposal"
    )

    class Meta:
        ordering = ["-queued_at", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["algorithm", "number"], name="one_proposal_per_number"),
            models.UniqueConstraint(
                fields=["algorithm"], condition=Q(open=True), name="one_open_proposal_per_algorithm"
            ),
        ]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def stage(self) -> Stage:
        """Where it is."""
        if self.answer:
            return Stage(self.answer)
        if self.state in JOB_PENDING:
            return Stage.JUDGING
        if self.state != JobState.DONE:
            return Stage.FAILED
        return Stage.OPEN if self.open else Stage.REFUSED

    @property
    def found(self) -> Verdict | None:
        """What the gate found, ``None`` before."""
        return Verdict.from_json(self.verdict) if self.verdict else None

    @property
    def operating_point(self) -> OperatingPoint | None:
        """The operating point to confirm, ``None`` before it was derived."""
        return OperatingPoint.from_json(self.point) if self.point else None


class Mirroring(Job):
    """Having MLflow's registry say what this one says; the product never waits for it."""

    mirrored = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["-queued_at"]

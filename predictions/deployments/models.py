"""Which version runs where beside the one that serves, which studies it got, and what it said unseen."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clinic.accounts.models import Unit
from ml import registry
from ml.contracts import Contract
from predictions.models import Job, Study
from predictions.versions.models import Proposal

WHOLE = 100
KEY_BYTES = 32


class Mode(models.TextChoices):
    """What becomes of the answers of a version."""

    SHADOW = "shadow", _("shadow")
    SILENT = "silent", _("silent")
    CANARY = "canary", _("canary")


class Standing(models.TextChoices):
    """Where a deployment is on its way."""

    PROPOSED = "proposed", _("waits for approval")
    RUNNING = "running", _("running")
    DECLINED = "declined", _("declined")
    WITHDRAWN = "withdrawn", _("withdrawn")
    ENDED = "ended", _("ended")


ANSWERING = (Mode.SILENT, Mode.CANARY)
"""Modes whose version answers studies, so that two persons decide and a unit has one at a time."""
OPEN = (Standing.PROPOSED, Standing.RUNNING)
ENDINGS = {Standing.PROPOSED: Standing.WITHDRAWN, Standing.RUNNING: Standing.ENDED}
"""What becomes of one that is taken back or ended."""


def _new_key() -> str:
    return secrets.token_hex(KEY_BYTES)


class Deployment(models.Model):
    """One version of an algorithm in one unit, under one mode, from its proposal to its end."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    algorithm = models.CharField(max_length=40)
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="deployments")
    version = models.CharField(max_length=100)
    package_sha256 = models.CharField(max_length=64)
    mode = models.CharField(max_length=8, choices=Mode)
    share = models.PositiveSmallIntegerField(default=WHOLE, help_text="Of the patients, in per cent")
    key = models.CharField(
        max_length=64, default=_new_key, editable=False, help_text="Of the hash that draws the patients"
    )
    standing = models.CharField(max_length=10, choices=Standing, default=Standing.PROPOSED)
    reason = models.TextField()
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proposed_deployments"
    )
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="decided_deployments",
        help_text="Who approved or declined; nobody for a shadow, which no reader ever sees",
    )
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(blank=True)
    judgement = models.ForeignKey(
        Proposal,
        null=True,
        on_delete=models.PROTECT,
        related_name="deployments",
        help_text="Where the gate judged a canary; null for what no reader leans on",
    )
    confirmed_threshold = models.FloatField(null=True, help_text="As the second person wrote it")
    started_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="ended_deployments"
    )
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-proposed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm", "unit"],
                condition=Q(standing=Standing.RUNNING, mode__in=ANSWERING),
                name="one_deployment_answers_per_unit",
            ),
            models.UniqueConstraint(
                fields=["algorithm", "unit", "version"],
                condition=Q(standing=Standing.RUNNING, mode=Mode.SHADOW),
                name="one_shadow_per_unit_and_version",
            ),
            models.CheckConstraint(condition=Q(share__gte=1, share__lte=WHOLE), name="deployment_share"),
            models.CheckConstraint(
                condition=Q(mode=Mode.SHADOW) | Q(decided_by=None) | ~Q(decided_by=F("proposed_by")),
                name="deployment_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(mode__in=ANSWERING, standing=Standing.RUNNING) | Q(decided_by__isnull=False),
                name="deployment_approved",
            ),
        ]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def running(self) -> bool:
        """Whether studies go to it now."""
        return self.standing == Standing.RUNNING


class Allocation(models.Model):
    """That a study is answered by the version of a deployment, settled before its first analysis."""

    study = models.OneToOneField(Study, on_delete=models.PROTECT, related_name="allocation")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="allocations")
    silent = models.BooleanField(help_text="Whether no reader sees the answer before the study is signed")
    at = models.DateTimeField()
    fell_back = models.CharField(
        max_length=40, blank=True, help_text="Why the version in service answered instead; empty if not"
    )


class ShadowAnswer(Job):
    """What a version said of a live study in the shadow of the one that answered; no reader ever sees it."""

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="answers")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="shadow_answers")
    serving_version = models.CharField(max_length=100, help_text="Whose answer the readers have")
    serving_sha256 = models.CharField(max_length=64)
    serving_ms = models.FloatField(null=True)
    refused = models.BooleanField(null=True, help_text="Whether it refused the input; null before it ended")
    refusals = models.JSONField(default=list, help_text="Codes of its refusals")
    result = models.JSONField(null=True)
    compared = models.JSONField(null=True, help_text="What both said, in the few figures that are compared")
    timings_ms = models.JSONField(default=dict)

    class Meta:
        ordering = ["queued_at"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "study"], name="one_shadow_answer_per_study")
        ]
        indexes = [models.Index(fields=["state", "lease_until"])]

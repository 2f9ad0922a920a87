"""Reports of agreement, counted once by a worker, and the studies where the two sides differ most."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models

from clinic.accounts.models import Unit
from ml import registry
from ml.contracts import Contract
from predictions.models import Job, Study


class Report(Job):
    """Agreement in one unit about one algorithm, over a period of whole months.

    What two reports tell together is watched over by :mod:`predictions.agreement.apart`.
    """

    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="agreement_reports")
    version = models.CharField(max_length=40, blank=True, help_text="Package version; empty for all")
    since = models.DateField(help_text="First day of the first month")
    until = models.DateField(help_text="First day of the month after the last")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    figures = models.JSONField(null=True, help_text="By part: counts, figures and intervals")

    class Meta:
        ordering = ["-queued_at"]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def months(self) -> str:
        """First and last month, as written in both languages."""
        last = self.until - timedelta(days=1)
        return f"{self.since:%Y-%m} – {last:%Y-%m}"


class Disagreement(models.Model):
    """A study in which people and algorithm differ most; shown to those who may see the patient."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="strongest")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="+")
    part = models.CharField(max_length=20)
    weight = models.FloatField(help_text="How far apart, from 0 to 1")

    class Meta:
        ordering = ["-weight", "pk"]

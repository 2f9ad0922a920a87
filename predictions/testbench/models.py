"""What was sent from the test bench and what came of it: a job, never a study, so in no statistic of any."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ml import registry
from ml.contracts import Contract, Problem
from predictions.models.job import Job


class Sample(models.TextChoices):
    """The invented inputs that can be sent."""

    NIGHT = "simulated_night", _("Simulated night")
    NOISE = "random_signal", _("Random signal")
    FILM = "drawn_film", _("Drawn chest X-ray")
    PHANTOM = "phantom_image", _("Phantom image")
    ADMISSION = "synthetic_admission", _("Synthetic admission")
    CREDIT = "credit_application", _("Invented credit application")
    ACCIDENT = "road_accident", _("Invented road accident")


LARGEST_SEED = 2**31 - 1
ALGORITHMS = {
    Sample.NIGHT: "sleep",
    Sample.NOISE: "sleep",
    Sample.FILM: "chest_xray",
    Sample.PHANTOM: "chest_xray",
    Sample.ADMISSION: "haemorrhage",
    Sample.CREDIT: "german_credit",
    Sample.ACCIDENT: "accident_severity",
}


class Answered(models.TextChoices):
    """How the algorithm answered: a test may be meant to be refused."""

    OK = "ok", _("answered")
    REFUSED = "refused", _("refused the input")


class BenchRun(Job):
    """One invented input on its way through the queue of its algorithm, kept for a week."""

    sample = models.CharField(max_length=20, choices=Sample)
    seed = models.PositiveIntegerField(help_text="The same seed makes the same input")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made = models.JSONField(default=dict, help_text="What the input was made of")
    answered = models.CharField(max_length=8, choices=Answered, blank=True)
    answer = models.JSONField(default=dict, help_text="What the page shows of the result")
    report = models.JSONField(default=dict)
    explanation = models.JSONField(default=dict, help_text="In both languages")
    timings_ms = models.JSONField(default=dict)
    package_version = models.CharField(max_length=40, blank=True)
    package_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-queued_at"]
        indexes = [models.Index(fields=["state", "lease_until"])]

    @property
    def contract(self) -> Contract:
        """The contract of its algorithm."""
        return registry.contract(self.algorithm)

    @property
    def waited_ms(self) -> float | None:
        """How long it waited for a worker; ``None`` before one took it."""
        if self.started_at is None:
            return None
        return (self.started_at - self.queued_at).total_seconds() * 1000

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the algorithm said of the input, for a refusal why."""
        return self.problem_list

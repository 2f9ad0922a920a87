"""The test bench as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TestBenchConfig(AppConfig):
    """Has workers do what is sent from the test bench."""

    name = "predictions.testbench"
    label = "testbench"
    verbose_name = _("test bench")

    def ready(self) -> None:
        """Register the kind of job; models can be imported only once all are loaded."""
        from predictions import jobs
        from predictions.testbench.models import BenchRun

        jobs.register(jobs.Kind("testbench", BenchRun, work="predictions.testbench.work.do"))

"""The watch over drift and performance as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from ml.contracts import Limits


class MonitoringConfig(AppConfig):
    """Registers the reports as a kind of background job."""

    name = "predictions.monitoring"
    label = "monitoring"
    verbose_name = _("monitoring")

    def ready(self) -> None:
        """Let workers write reports; models can be imported only once all are loaded."""
        from predictions import jobs
        from predictions.monitoring import alerting
        from predictions.monitoring.models import Report

        limits = Limits(seconds=600, memory_bytes=2 << 30)
        jobs.register(
            jobs.Kind(
                "monitoring",
                Report,
                "predictions.monitoring.work.report",
                limits_of=lambda row: limits,
                lost=alerting.lost,
            )
        )

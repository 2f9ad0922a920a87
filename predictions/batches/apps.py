"""Batches as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BatchesConfig(AppConfig):
    """Registers the work of batches."""

    name = "predictions.batches"
    label = "batches"
    verbose_name = _("batches")

    def ready(self) -> None:
        """Register with the floors below; models can be imported only once all are loaded."""
        from predictions import jobs
        from predictions.batches import progress

        jobs.register(progress.KIND)

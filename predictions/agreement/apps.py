"""Agreement as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from ml.contracts import Limits

LIMITS = Limits(seconds=300, memory_bytes=2 << 30)


class AgreementConfig(AppConfig):
    """Registers the work of counting, and what of a patient its lists hold."""

    name = "predictions.agreement"
    label = "agreement"
    verbose_name = _("agreement")

    def ready(self) -> None:
        """Register with the floors below; models can be imported only once all are loaded."""
        from patients import erasure
        from predictions import jobs, queue
        from predictions.agreement import models, shredding

        jobs.register(
            jobs.Kind(
                name="agreement",
                model=models.Report,
                work="predictions.agreement.work.work",
                queue_of=lambda report: queue.DOCUMENT_QUEUE,
                limits_of=lambda report: LIMITS,
            )
        )
        erasure.register(shredding.SHREDDER)

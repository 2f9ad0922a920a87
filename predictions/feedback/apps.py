"""Training sets as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from ml.contracts import Limits

# A year of nights is copied sample by sample.
LIMITS = Limits(seconds=3600, memory_bytes=3 << 30)


class FeedbackConfig(AppConfig):
    """Registers the work of writing, what of a patient is in it, and who has to hear of a refusal."""

    name = "predictions.feedback"
    label = "feedback"
    verbose_name = _("training sets")

    def ready(self) -> None:
        """Register with the floors below; models can be imported only once all are loaded."""
        from patients import consent, erasure
        from predictions import jobs, queue
        from predictions.feedback import models, services, shredding, uses

        jobs.register(
            jobs.Kind(
                name="training_set",
                model=models.TrainingSet,
                work="predictions.feedback.work.work",
                queue_of=lambda made: queue.DOCUMENT_QUEUE,
                limits_of=lambda made: LIMITS,
                lost=services.tell_lost,
            )
        )
        erasure.register(shredding.SHREDDER)
        consent.register(uses=uses.of, changed=uses.changed)

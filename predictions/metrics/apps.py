"""The figures of ``/metrics`` as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MetricsConfig(AppConfig):
    """Keeps the counts."""

    name = "predictions.metrics"
    label = "metrics"
    verbose_name = _("metrics")

"""The registry of versions as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VersionsConfig(AppConfig):
    """Registers the gate's work and the mirror of MLflow's registry."""

    name = "predictions.versions"
    label = "versions"
    verbose_name = _("versions")

    def ready(self) -> None:
        """Register with the floors below; models can be imported only once all are loaded."""
        from predictions import jobs
        from predictions.stewardship import serving
        from predictions.versions import kinds, proposals, services

        for kind in kinds.ALL:
            jobs.register(kind)
        serving.on_change(services.follow)
        serving.on_change(proposals.follow)

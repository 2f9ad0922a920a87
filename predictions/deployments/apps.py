"""Deployments as an application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from predictions.deployments.guards import KEPT


class DeploymentsConfig(AppConfig):
    """Registers the work of shadows, what of it is erased, what is on trial, and the triggers over it."""

    name = "predictions.deployments"
    label = "deployments"
    verbose_name = _("deployments")

    def ready(self) -> None:
        """Register with the floors below; models can be imported only once all are loaded."""
        from predictions import jobs
        from predictions.deployments import shadows, shredders, told

        post_migrate.connect(KEPT.install_after_migration, sender=self)
        jobs.register(shadows.KIND)
        shredders.register_all()
        told.register_all()

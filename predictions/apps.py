"""The journey of a study as an application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from clinic.audit import naming
from predictions.guards import GUARDS, KEPT


class PredictionsConfig(AppConfig):
    """Puts the triggers over signed work in place and names studies in the audit."""

    name = "predictions"
    verbose_name = _("studies")

    def ready(self) -> None:
        """Register with the floors below; models can be imported only once all are loaded."""
        from predictions import kept, selectors, shredders, timeline  # noqa: F401
        from predictions.vault import checks  # noqa: F401

        post_migrate.connect(GUARDS.install_after_migration, sender=self)
        post_migrate.connect(KEPT.install_after_migration, sender=self)
        naming.register("study", selectors.names)
        timeline.register()
        shredders.register_all()

"""The model steward's pages as an application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from predictions.stewardship.guards import GUARDS


class StewardshipConfig(AppConfig):
    """Puts the triggers over the decisions in place."""

    name = "predictions.stewardship"
    label = "stewardship"
    verbose_name = _("trainings")

    def ready(self) -> None:
        """Keep the triggers after every migration."""
        post_migrate.connect(GUARDS.install_after_migration, sender=self)

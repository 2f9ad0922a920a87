"""The audit as an application: its guards go up after every migration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from clinic.audit.guards import GUARDS


class AuditConfig(AppConfig):
    """Puts the triggers of :mod:`clinic.audit.guards` in place."""

    name = "clinic.audit"
    verbose_name = _("audit")

    def ready(self) -> None:
        """Install the guards after migrations: a table that SQLite remade has lost its triggers."""
        from clinic.audit import checks  # noqa: F401

        post_migrate.connect(GUARDS.install_after_migration, sender=self)

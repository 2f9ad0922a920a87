"""Staff as an application."""

from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from clinic.accounts.roles import Role


class AccountsConfig(AppConfig):
    """Connects log-in to the audit and opens the audit to administrators."""

    name = "clinic.accounts"
    verbose_name = _("staff")

    def ready(self) -> None:
        """Register what needs the models to be loaded."""
        from clinic.accounts import access, checks, confirm, notices, sessions, signals, tokens  # noqa: F401
        from clinic.audit import access as audit_access
        from clinic.audit import alarms

        audit_access.open_to(lambda user: user.role == Role.ADMIN)
        audit_access.confirm_with(confirm.required)
        alarms.register(
            lambda text: notices.notify(notices.administrators(), text, link=reverse("audit_search"))
        )
        access.declare_library()
        sessions.also_end(tokens.revoke_all)

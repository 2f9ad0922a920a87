"""The project itself as an application, so that its checks, commands and template tags are found."""

from django.apps import AppConfig


class ClinicConfig(AppConfig):
    """Registers the system checks for unsafe settings."""

    name = "clinic"

    def ready(self) -> None:
        """Import the checks once the applications are loaded."""
        from clinic import checks  # noqa: F401

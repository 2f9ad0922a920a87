"""Patients as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PatientsConfig(AppConfig):
    """Names patients in the audit pages and puts their stays on the timeline."""

    name = "patients"
    verbose_name = _("patients")

    def ready(self) -> None:
        """Register what needs the models to be loaded."""
        from clinic.audit import naming
        from patients import selectors, timeline

        naming.register("patient", selectors.names, find=selectors.find)
        timeline.register(selectors.encounters)

"""Patients as an application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PatientsConfig(AppConfig):
    """Names patients in the audit, marks there what is done in an emergency, puts stays on the timeline."""

    name = "patients"
    verbose_name = _("patients")

    def ready(self) -> None:
        """Register what needs the models to be loaded."""
        from clinic.audit import emergencies, naming
        from patients import emergency, selectors, shredders, timeline

        naming.register("patient", selectors.names, find=selectors.find)
        emergencies.register(emergency.mark)
        timeline.register(selectors.encounters)
        shredders.register_all()

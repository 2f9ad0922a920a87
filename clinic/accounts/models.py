"""Units of the hospital and the members of staff who work in them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clinic.accounts.roles import CLINICAL, Role


class Unit(models.Model):
    """A ward, room or laboratory: the border of who sees which patient."""

    code = models.SlugField(unique=True)
    name_fr = models.CharField(max_length=100)
    name_en = models.CharField(max_length=100)
    incidence = models.FloatField(
        null=True,
        blank=True,
        help_text=_("The unit's own incidence of the predicted outcome, between 0 and 1"),
    )
    flag_share = models.FloatField(
        null=True, blank=True, help_text=_("The share of patients the unit wants flagged, between 0 and 1")
    )
    prevalence = models.FloatField(
        null=True,
        blank=True,
        help_text=_("The share of patients sent to the unit who have what is looked for, between 0 and 1"),
    )

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name_fr if (get_language() or "").startswith("fr") else self.name_en


class User(AbstractUser):
    """A member of staff."""

    role = models.CharField(max_length=20, choices=Role)
    units = models.ManyToManyField(Unit, blank=True, related_name="staff")
    language = models.CharField(max_length=2, blank=True, choices=[("fr", "Français"), ("en", "English")])
    demo = models.BooleanField(default=False, help_text=_("Made by the demo; refused in production"))
    temporary_password = models.BooleanField(
        default=False, help_text=_("Must be changed before anything else can be done")
    )

    @property
    def clinical(self) -> bool:
        """Whether this person cares for patients."""
        return self.role in CLINICAL

    @property
    def label(self) -> str:
        """The name shown beside what this person did."""
        return self.get_full_name() or self.username

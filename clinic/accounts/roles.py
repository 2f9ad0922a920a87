"""The roles of the house and what each may do. Closed by default: what is not listed is refused."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import PermissionDenied
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a member of staff is, which decides what they may do in their units."""

    MIDWIFE = "midwife", _("Midwife")
    RADIOLOGIST = "radiologist", _("Radiologist")
    TECHNICIAN = "technician", _("Sleep technician")
    PHYSICIAN = "physician", _("Physician")
    ADMIN = "admin", _("Administrator")
    STEWARD = "steward", _("Model steward")


CLINICAL = frozenset({Role.MIDWIFE, Role.RADIOLOGIST, Role.TECHNICIAN, Role.PHYSICIAN})


class NotForRole(PermissionDenied):
    """A page for other roles.

    Parameters
    ----------
    roles
        Those that open it, for the page of the refusal to name.
    """

    def __init__(self, roles: Iterable[Role]) -> None:
        super().__init__()
        self.roles = tuple(roles)


class Scope(models.TextChoices):
    """What a token lets a program do for its owner; never more than the owner may."""

    READ = "read", _("Read")
    SUBMIT = "submit", _("Submit and write")
    REVIEW = "review", _("Review and score")
    SIGN = "sign", _("Sign and amend")
    EXPORT = "export", _("Take documents, files and the audit out")
    EMERGENCY = "emergency", _("Open a record in an emergency")

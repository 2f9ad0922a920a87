"""Who may call the API. A view that names no permission answers nobody."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from clinic.accounts.roles import Role


class Closed(BasePermission):
    """The default: nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Refuse."""
        return False


class ClinicalStaff(BasePermission):
    """Members of staff who care for patients; what each may see is decided by ``patients.access``."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is clinical staff."""
        return bool(request.user.is_authenticated and request.user.clinical)


class Staff(BasePermission):
    """Any member of staff, for what says nothing of any patient."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is logged in."""
        return bool(request.user.is_authenticated)


class SleepLaboratory(BasePermission):
    """Staff of the sleep laboratory, and model stewards: the raw-signal API names no patient."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller works in the sleep laboratory or with its models."""
        user = request.user
        if not user.is_authenticated:
            return False
        return user.role == Role.STEWARD or (user.clinical and user.units.filter(code="sleep").exists())


class Steward(BasePermission):
    """Model stewards, for the reference tasks."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether the caller is a model steward."""
        return bool(request.user.is_authenticated and request.user.role == Role.STEWARD)

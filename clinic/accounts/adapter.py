"""How allauth behaves in a hospital: staff are created by an administrator, nobody signs up."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest

from clinic.accounts.access import may_enter
from clinic.audit.context import client_address
from clinic.audit.models import Action
from clinic.audit.recording import record


class StaffAdapter(DefaultAccountAdapter):
    """No sign-up, no mail, and the same answer for a wrong password and a disabled account."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse: an administrator creates accounts."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Return the person only if they may enter.

        allauth hands a person with the right password on even when the backend said no, to show a page
        that the account is disabled; that would confirm the password to whoever tries it.

        Raises
        ------
        ValidationError
            After too many attempts, before the password is looked at; recorded.
        """
        try:
            user = super().authenticate(request, **credentials)
        except ValidationError:
            record(Action.LOGIN_FAILED, kind="staff", detail={"account": "too many attempts"})
            raise
        return user if user is not None and may_enter(user) else None

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send nothing: staff have no address here."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the audit records, so that limits and audit agree."""
        address = client_address(request)
        if address is None:
            raise PermissionDenied
        return address

"""How allauth behaves in a hospital: staff are created by an administrator, nobody signs up."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language

from clinic.accounts import confirm, devices, lockout
from clinic.accounts.access import may_enter
from clinic.audit.context import client_address
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Refused


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
            After too many attempts, before the password is looked at; recorded, but not without end.
        """
        try:
            counted = lockout.before_password(request, credentials.get("username") or "")
        except Refused as refusal:
            if lockout.is_news(request):
                record(Action.LOGIN_FAILED, kind="staff", detail={"account": "too many attempts"})
            said = refusal.problems[0]
            raise ValidationError(said.message.to(get_language() or ""), code=said.code) from refusal
        user = super().authenticate(request, **credentials)
        if user is None:
            return None
        lockout.right_password(counted)
        return user if may_enter(user) else None

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count nothing in the memory of one process; :mod:`clinic.accounts.lockout` counts for all."""

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **options: Any) -> HttpResponse:
        """Remember the browser: attempts from elsewhere do not lock its people out."""
        response = super().post_login(request, user, **options)
        devices.remember(request, response, user)
        return response

    def is_reauthentication_required(self, *, app: str, **_: Any) -> bool:
        """Ask before a change of second factors whoever has not confirmed lately, as everywhere else."""
        return not confirm.fresh(context.request)

    def get_reauthentication_methods(self, user: AbstractBaseUser | AnonymousUser) -> list[dict[str, Any]]:
        """Return the one page of ours that asks."""
        if not user.is_authenticated:
            return []
        return [{"id": "confirm", "description": "", "url": reverse("confirm_identity")}]

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send nothing: staff have no address here."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the audit records, so that limits and audit agree."""
        address = client_address(request)
        if address is None:
            raise PermissionDenied
        return address

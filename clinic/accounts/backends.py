"""Checking passwords and sessions of staff."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser

from clinic.accounts.access import may_enter


class StaffBackend(AuthenticationBackend):
    """allauth's backend with our own answer to who may enter.

    Django asks it at every request too, so that a person who is disabled is out at once.
    """

    def user_can_authenticate(self, user: AbstractBaseUser) -> bool:
        """Return whether ``user`` may be signed in."""
        return may_enter(user)

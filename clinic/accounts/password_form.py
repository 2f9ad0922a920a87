"""The form in which people change their password."""

from __future__ import annotations

from allauth.account.forms import ChangePasswordForm
from allauth.core import context

from clinic.accounts import lockout
from clinic.accounts.factors import refused
from ml.contracts import Refused


class NewPasswordForm(ChangePasswordForm):
    """Asks for the old password, and bears only so many wrong ones: the session may be somebody else's."""

    def clean_oldpassword(self) -> str:
        """Accept the old password."""
        try:
            lockout.before_confirmation(context.request)
        except Refused as refusal:
            raise refused(refusal) from refusal
        old = super().clean_oldpassword()
        lockout.confirmed(context.request)
        return old

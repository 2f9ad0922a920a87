"""The second factor: how allauth keeps it, who has one, and the forms that take it."""

from __future__ import annotations

import base64
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import LoginWebAuthnForm
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse, HttpResponseRedirect
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from clinic.accounts import codes, lockout
from clinic.accounts.access import may_enter
from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
SEALED = "fernet:"

MISSING = Problem(
    "second_factor_needed",
    Text(
        "Set up a second factor first, in a browser: an app that shows codes, or a passkey.",
        "Configurez d’abord un second facteur dans un navigateur : une application à codes, ou une clé "
        "d’accès.",
    ),
)


def enrolled(user: User) -> bool:
    """Return whether ``user`` has an app or a passkey; recovery codes alone are no second factor."""
    return Authenticator.objects.filter(user=user, type__in=FACTORS).exists()


def missing() -> dict[str, list[dict[str, str]]]:
    """Return what a program is told that calls with a session without a second factor."""
    said = MISSING.message.to(get_language() or "")
    return {"problems": [{"code": MISSING.code, "message": said, "field": "", "severity": "refuse"}]}


class FactorAdapter(DefaultMFAAdapter):
    """Seals the secrets of second factors, and keeps the last one where one is required."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": gettext_lazy(
            "Set another second factor up first: this is your last one."
        ),
    }

    def encrypt(self, text: str) -> str:
        """Seal a secret: a copy of the database alone makes no codes."""
        return SEALED + _sealer().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret; one stored before they were sealed is returned as it is.

        Raises
        ------
        ImproperlyConfigured
            When it was sealed with a key that is not among those of this installation.
        """
        if not encrypted_text.startswith(SEALED):
            return encrypted_text
        try:
            return _sealer().decrypt(encrypted_text.removeprefix(SEALED)).decode()
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "a second factor was sealed with another VIGIE_SECRET_KEY; name it in VIGIE_OLD_SECRET_KEYS"
            ) from error

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether another factor is left, or none is required."""
        others = Authenticator.objects.filter(user=authenticator.user, type__in=FACTORS)
        return not settings.REQUIRE_MFA or others.exclude(pk=authenticator.pk).exists()

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        """Suggest a name for a new passkey."""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return _("Passkey %(number)s") % {"number": number}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Name the product to the browser's dialog."""
        return super().get_public_key_credential_rp_entity() | {"name": settings.MFA_TOTP_ISSUER}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        """Name the person as colleagues know them."""
        return super().get_public_key_credential_user_entity(user) | {"display_name": user.label}


class CodeForm(AuthenticateForm):
    """The code after the password: of the app, or a recovery code; each once."""

    def clean_code(self) -> str:
        """Accept the code, once."""
        code = self.cleaned_data["code"]
        try:
            self.authenticator = codes.check(self.user, code)
        except Refused as refusal:
            if main := Authenticator.objects.filter(user=self.user).first():
                self._emit_authentication_failed(main)
            raise refused(refusal) from refusal
        # The person who is logging in, not a second copy of them: allauth compares.
        self.authenticator.user = self.user
        return code


class ActivateForm(ActivateTOTPForm):
    """The first code of an app, which sets it up; it does not log in as well."""

    def clean_code(self) -> str:
        """Accept a code of the secret that was shown, once."""
        code = self.cleaned_data["code"]
        try:
            lockout.before_confirmation(context.request)
            step = codes.matching_step(self.secret, code)
            if step is None:
                raise Refused(codes.WRONG)
            if not codes.spend(self.user, step):
                raise Refused(codes.USED)
        except Refused as refusal:
            raise refused(refusal) from refusal
        lockout.confirmed(context.request)
        return code


class PasskeyForm(LoginWebAuthnForm):
    """Logging in with a passkey alone: it is held, and it asks for a fingerprint or PIN."""

    def clean_credential(self) -> Authenticator:
        """Accept the passkey of somebody who may enter."""
        try:
            lockout.before_passkey(context.request)
        except Refused as refusal:
            raise refused(refusal) from refusal
        authenticator = super().clean_credential()
        if not may_enter(authenticator.user):
            record(Action.LOGIN_FAILED, kind="staff", object_id=str(authenticator.user_id))
            raise refused(Refused(codes.WRONG))
        return authenticator


class RemovePasskey(RemoveWebAuthnView):
    """Removes a passkey, unless it is the last second factor of somebody who needs one."""

    def form_valid(self, form: forms.BaseForm) -> HttpResponse:
        """Say so instead of removing the last one; allauth asks this of an app only."""
        if get_adapter().can_delete_authenticator(self.get_object()):
            return super().form_valid(form)
        messages.error(self.request, _("Set another second factor up first: this is your last one."))
        return HttpResponseRedirect(self.get_success_url())


def refused(refusal: Refused) -> forms.ValidationError:
    """Say in a form what a rule refused."""
    said = refusal.problems[0]
    return forms.ValidationError(said.message.to(get_language() or ""), code=said.code)


def _sealer() -> MultiFernet:
    """Return what seals with the secret key and opens with it and those before it."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    """Derive a key of its own: the secret key signs cookies, and one key has one use."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"vigie second factors").derive(
        key.encode()
    )
    return base64.urlsafe_b64encode(derived)

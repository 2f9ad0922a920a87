"""The addresses of allauth that are open here; every other one answers 404.

Nobody signs up, nobody has an address for mail: an administrator gives accounts and new passwords. One page
of ours confirms who sits at an open session, whatever asks for it.
"""

from allauth.account import views
from allauth.mfa.base import views as factor_views
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as app_views
from allauth.mfa.webauthn import views as passkey_views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from clinic.accounts import entrance_views
from clinic.accounts.factors import RemovePasskey
from clinic.rules import EVERYBODY, under


@under(EVERYBODY)
@login_not_required
def closed(request: HttpRequest, **_: str) -> HttpResponse:
    """Answer as if there were no such page; allauth needs the name."""
    raise Http404


factors = [
    path("", factor_views.index, name="mfa_index"),
    path("authenticate/", factor_views.authenticate, name="mfa_authenticate"),
    path("totp/activate/", app_views.activate_totp, name="mfa_activate_totp"),
    path("totp/deactivate/", app_views.deactivate_totp, name="mfa_deactivate_totp"),
    path("recovery-codes/", recovery_views.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "recovery-codes/generate/", recovery_views.generate_recovery_codes, name="mfa_generate_recovery_codes"
    ),
    path(
        "recovery-codes/download/", recovery_views.download_recovery_codes, name="mfa_download_recovery_codes"
    ),
    path("passkeys/", passkey_views.list_webauthn, name="mfa_list_webauthn"),
    path("passkeys/add/", passkey_views.add_webauthn, name="mfa_add_webauthn"),
    path("passkeys/<int:pk>/remove/", RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("passkeys/<int:pk>/edit/", passkey_views.edit_webauthn, name="mfa_edit_webauthn"),
    path("passkeys/login/", login_not_required(passkey_views.login_webauthn), name="mfa_login_webauthn"),
]

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("confirm/", entrance_views.confirm_identity, name="confirm_identity"),
    path("confirm/passkey/", entrance_views.confirm_passkey, name="confirm_passkey"),
    path("session/", entrance_views.session_state, name="session_state"),
    path("session/stay/", entrance_views.session_stay, name="session_stay"),
    path("2fa/", include(factors)),
    path("sessions/", include("allauth.usersessions.urls")),
    path("signup/", closed, name="account_signup"),
    path("inactive/", closed, name="account_inactive"),
    path("email/", closed, name="account_email"),
    path("password/set/", closed, name="account_set_password"),
    path("reauthenticate/", closed, name="account_reauthenticate"),
]

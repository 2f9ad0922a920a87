"""The addresses of allauth that are open here; every other one answers 404.

Nobody signs up, nobody has an address for mail: an administrator gives accounts and new passwords.
"""

from allauth.account import views
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path

from clinic.accounts import entrance_views
from clinic.rules import EVERYBODY, under


@under(EVERYBODY)
@login_not_required
def closed(request: HttpRequest, **_: str) -> HttpResponse:
    """Answer as if there were no such page; allauth needs the name."""
    raise Http404


urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("confirm/", entrance_views.confirm_identity, name="confirm_identity"),
    path("confirm/passkey/", entrance_views.confirm_passkey, name="confirm_passkey"),
    path("session/", entrance_views.session_state, name="session_state"),
    path("session/stay/", entrance_views.session_stay, name="session_stay"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
    path("signup/", closed, name="account_signup"),
    path("inactive/", closed, name="account_inactive"),
    path("email/", closed, name="account_email"),
    path("password/set/", closed, name="account_set_password"),
]

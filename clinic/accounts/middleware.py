"""Middleware that knows the member of staff: language, what has to be done first, the end of a session."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.accounts import factors, lockout, sessions

Handler = Callable[[HttpRequest], HttpResponse]
API, JSON = "/api/", "application/json"
NO_CONTENT, FORBIDDEN = 204, 403


class LanguageMiddleware:
    """Speak the language a person chose; without a choice the browser's, as Django found it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer in the user's language. Django's LocaleMiddleware, outside, resets it afterwards."""
        if request.user.is_authenticated and request.user.language:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


class TemporaryPasswordMiddleware:
    """Lead whoever still has the password an administrator gave them to the page that changes it."""

    OPEN = frozenset(
        {
            "account_change_password",
            "account_logout",
            "favicon",
            "set_language",
            "set_theme",
            "session_state",
            "session_stay",
        }
    )

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; :meth:`process_view` may have answered it already."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        """Redirect everything but the way out to the change of password."""
        waiting = request.user.is_authenticated and request.user.temporary_password
        if waiting and request.resolver_match.url_name not in self.OPEN:
            messages.warning(
                request, _("An administrator gave you this password. Choose your own before going on.")
            )
            return redirect("account_change_password")
        return None


class SecondFactorMiddleware:
    """Lead whoever has no second factor yet to the pages that set one up, and nowhere else."""

    OPEN = TemporaryPasswordMiddleware.OPEN | {
        "confirm_identity",
        "confirm_passkey",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
    }

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; :meth:`process_view` may have answered it already."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        """Redirect a page, and refuse the API, to a session without a second factor."""
        if not settings.REQUIRE_MFA or not request.user.is_authenticated or factors.enrolled(request.user):
            return None
        if request.resolver_match.url_name in self.OPEN:
            return None
        if request.path.startswith(API):
            return JsonResponse(factors.missing(), status=FORBIDDEN)
        return redirect("mfa_index")


class SessionLimitsMiddleware:
    """End a session that nobody used for a while, and any at the end of a shift."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; a session that is over answers as if nobody were logged in."""
        if request.user.is_authenticated:
            if why := sessions.over(request.session):
                request.session_over = why
                logout(request)
            elif sessions.is_sign_of_life(request):
                sessions.touch(request.session)
        response = self.get_response(request)
        return _guessed_at(request, response) if lockout.spent(request) else response


def _guessed_at(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """End the session in which too many wrong passwords or codes were given, and say so.

    Answers to programs and scripts say it themselves.
    """
    if request.user.is_authenticated:
        lockout.session_closed(request)
        request.session_over = sessions.End.GUESSED
        logout(request)
    if response.headers.get("Content-Type", "").startswith(JSON):
        return response
    messages.error(request, lockout.ENDED.message.to(get_language() or ""))
    if not request.headers.get("HX-Request"):
        return redirect(settings.LOGIN_URL)
    response = HttpResponse(status=NO_CONTENT)
    response["HX-Redirect"] = resolve_url(settings.LOGIN_URL)
    return response

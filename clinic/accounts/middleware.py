"""Middleware that knows the member of staff: their language, and a password they must change first."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _

Handler = Callable[[HttpRequest], HttpResponse]


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

    OPEN = frozenset({"account_change_password", "account_logout", "account_reauthenticate", "set_language"})

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

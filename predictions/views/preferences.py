"""Language and colours, chosen from any page, also before logging in; and the icon of all of them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language

from clinic.context_processors import THEMES
from clinic.methods import post_or_back
from clinic.rules import EVERYBODY, under

A_YEAR = 365 * 24 * 3600


@under(EVERYBODY)
@login_not_required
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon of the pages: browsers ask here beside files and answers of the API."""
    return HttpResponseRedirect(static("img/vigie.svg"))


@under(EVERYBODY)
@login_not_required
@post_or_back("worklist")
def set_language(request: HttpRequest) -> HttpResponse:
    """Keep the language in the cookie and, for somebody logged in, in their profile."""
    response = _back(request)
    language = request.POST.get("language", "")
    if language not in dict(settings.LANGUAGES) or not check_for_language(language):
        return response
    _keep(response, settings.LANGUAGE_COOKIE_NAME, language)
    if request.user.is_authenticated and request.user.language != language:
        request.user.language = language
        request.user.save(update_fields=["language"])
    return response


@under(EVERYBODY)
@login_not_required
@post_or_back("worklist")
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep light, dark or the system's choice in a cookie."""
    response = _back(request)
    theme = request.POST.get("theme", "")
    if theme in {code for code, *_rest in THEMES}:
        _keep(response, settings.THEME_COOKIE_NAME, theme)
    return response


def _back(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next", "")
    own = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(target if own else reverse("worklist"))


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=A_YEAR, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )

"""Middleware every answer passes: a request id for the logs, and the headers that no answer may lack."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from clinic import errors
from clinic.logs import request_id

Handler = Callable[[HttpRequest], HttpResponse]

NO_STORE = "no-store"
LOG_OUT = "account_logout"
KEEPABLE = (200, 206, 304)
# Nothing a page of ours needs but passkeys; and nothing a page framed in it could get, were that possible.
REFUSED_FEATURES = (
    "accelerometer", "autoplay", "browsing-topics", "camera", "display-capture",
    "encrypted-media", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer",
    "microphone", "midi", "payment", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
PERMISSIONS = ", ".join(
    (
        *(f"{feature}=()" for feature in REFUSED_FEATURES),
        "publickey-credentials-create=(self)",
        "publickey-credentials-get=(self)",
    )
)
# For files and data: a picture or document somebody sent is never a page of ours, whatever is in it.
INERT = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
    "sandbox"
)


class RequestIdMiddleware:
    """Give every request an id of our own making, in the logs, the audit and the answer."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with the id in ``X-Request-ID``."""
        token = request_id.set(secrets.token_hex(8))
        try:
            response = self.get_response(request)
            response["X-Request-ID"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class HeadersMiddleware:
    """Put on every answer, of whatever view, library or error, what a browser must be told.

    Static files carry nothing of a patient and a hash in their names: they alone may be kept.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; what is no page of ours may neither run, load nor submit anything."""
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path_info.startswith(settings.STATIC_URL) and response.status_code in KEEPABLE:
            return response
        # Also where a view said that it might be kept: a ward's browser is used by the next person.
        response.headers["Cache-Control"] = NO_STORE
        if (
            request.method == "POST"
            and request.resolver_match
            and request.resolver_match.view_name == LOG_OUT
        ):
            # The next person at this workstation finds nothing, also not by the way back of the browser.
            response.headers["Clear-Site-Data"] = '"cache"'
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers["Content-Security-Policy"] = INERT
        return response


class PlainHttpMiddleware:
    """Refuse programs that call without TLS instead of leading them to it.

    A browser is redirected and its person sees it. A program would go on sending its token in the clear,
    redirected each time, and nobody would find out.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 403 to an unencrypted call of the API, where TLS is asked for."""
        if settings.SECURE_SSL_REDIRECT and not request.is_secure() and errors.for_program(request):
            return errors.not_encrypted(request)
        return self.get_response(request)


class MethodNotAllowedMiddleware:
    """Give 405 a page: Django has a handler for every other refusal, and answers this one with nothing."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Say what the address is for; the API says it itself."""
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            return errors.method_not_allowed(request, response["Allow"])
        return response
